# The installed places, compiled in: nothing that a caller says can move them.
set(SECSHR_LIBEXECDIR "${CMAKE_INSTALL_FULL_LIBEXECDIR}/secshr")
set(SECSHR_SYSCONFDIR "${CMAKE_INSTALL_FULL_SYSCONFDIR}/secshr")
# CMake's default is /var/run, which is a symbolic link to /run, and links are not followed on the way to it.
set(SECSHR_RUNDIR "${CMAKE_INSTALL_FULL_RUNSTATEDIR}/secshr")
if(CMAKE_INSTALL_FULL_RUNSTATEDIR STREQUAL "/var/run")
  set(SECSHR_RUNDIR "/run/secshr")
endif()
set(SECSHR_LOGDIR "${CMAKE_INSTALL_FULL_LOCALSTATEDIR}/log/secshr")
configure_file(${CMAKE_CURRENT_LIST_DIR}/secshr_paths.h.in ${CMAKE_BINARY_DIR}/generated/secshr_paths.h @ONLY)
add_library(secshr_paths INTERFACE)
target_include_directories(secshr_paths INTERFACE ${CMAKE_BINARY_DIR}/generated)
