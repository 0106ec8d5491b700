#include "control/messages.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* An ACK message is a struct message whose `lanes` counts the pairs behind it. */
struct wire {
	struct message message;
	struct ack acks[MESSAGE_ACKS_MAX];
};

int message_send(int fd, const struct message *message, const int *fds, size_t fd_count)
{
	return sock_send(fd, message, sizeof *message, fds, fd_count);
}

int message_send_acks(int fd, const struct ack *acks, size_t count)
{
	struct wire wire;

	memset(&wire.message, 0, sizeof wire.message);
	wire.message.type = MESSAGE_ACK;
	wire.message.lanes = (uint32_t)count;
	memcpy(wire.acks, acks, count * sizeof *acks);
	return sock_send(fd, &wire, sizeof wire.message + count * sizeof *acks, NULL, 0);
}

static int reject(const int *fds, size_t *fd_count)
{
	for (size_t i = 0; i < *fd_count; i++)
		close(fds[i]);
	*fd_count = 0;
	errno = EBADMSG;
	return -1;
}

int message_receive(int fd, struct message *message, int fds[SOCK_FDS_MAX], size_t *fd_count,
	const struct ack **acks, size_t *ack_count)
{
	static struct wire wire;
	ssize_t got = sock_receive(fd, &wire, sizeof wire, fds, fd_count);
	size_t more;

	if (got <= 0)
		return (int)got;
	*ack_count = 0;
	*acks = wire.acks;
	if (got < (ssize_t)sizeof wire.message || wire.message.type < MESSAGE_HELLO ||
		wire.message.type >= MESSAGE_TYPE_END)
		return reject(fds, fd_count);
	more = (size_t)got - sizeof wire.message;
	if (wire.message.type == MESSAGE_ACK)
		*ack_count = wire.message.lanes;
	if (*ack_count > MESSAGE_ACKS_MAX || more != *ack_count * sizeof wire.acks[0])
		return reject(fds, fd_count);
	*message = wire.message;
	return 1;
}
