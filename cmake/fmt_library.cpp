// What fmt's headers leave to a library, compiled here once. Debian has that library only as a shared one, which a
// static program cannot link, and header-only it would be compiled again in every file that formats anything.
#include <fmt/format-inl.h>

namespace fmt::detail {

template auto locale_ref::get<std::locale>() const -> std::locale;
template auto thousands_sep_impl<char>(locale_ref) -> thousands_sep_result<char>;
template auto decimal_point_impl<char>(locale_ref) -> char;
template auto dragonbox::to_decimal(float) noexcept -> dragonbox::decimal_fp<float>;
template auto dragonbox::to_decimal(double) noexcept -> dragonbox::decimal_fp<double>;

}  // namespace fmt::detail
