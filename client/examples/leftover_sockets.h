/* A process that is killed while it asks the broker leaves a socket file; a client of the same pid would replace it.
 */
#ifndef LEFTOVER_SOCKETS_H
#define LEFTOVER_SOCKETS_H

#include <secshr.h>

/* Where the sockets are: for secshr_options.directory. */
const char* socket_directory(void);
void remove_leftover_sockets(secshr_t* secshr);

#endif
