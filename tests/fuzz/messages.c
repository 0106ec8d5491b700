/* Control messages with descriptors, as any process with the socket may send them: no descriptor is left
 * open, and no message is taken that is not one. */
#include "fuzz.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/messages.h"

enum { FDS_MOST = 20 };

/* Sends the bytes with copies of descriptor 0, in as many control messages as the kernel takes: one. */
static void send_raw(int fd, const uint8_t *data, size_t length, unsigned fds)
{
	struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = length};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(FDS_MOST * sizeof(int))];
	} space = {0};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	int list[FDS_MOST] = {0};

	if (fds > 0) {
		message.msg_control = &space;
		message.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		space.header.cmsg_level = SOL_SOCKET;
		space.header.cmsg_type = SCM_RIGHTS;
		space.header.cmsg_len = CMSG_LEN(fds * sizeof(int));
		memcpy(CMSG_DATA(&space.header), list, fds * sizeof(int));
	}
	sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void check_taken(const struct message *message, size_t fds, const struct ack *acks,
	size_t ack_count, size_t length)
{
	HOLDS(message->type >= MESSAGE_HELLO && message->type < MESSAGE_TYPE_END);
	HOLDS(fds <= SOCK_FDS_MAX && ack_count <= MESSAGE_ACKS_MAX);
	HOLDS(message->type == MESSAGE_ACK || ack_count == 0);
	HOLDS(length == sizeof *message + ack_count * sizeof *acks);
}

static void send_again(const int ends[2], const struct message *message, const struct ack *acks,
	size_t ack_count)
{
	struct message again;
	struct ack copy[MESSAGE_ACKS_MAX];
	const struct ack *got_acks;
	int fds[SOCK_FDS_MAX];
	size_t fd_count, got;

	memcpy(copy, acks, ack_count * sizeof *acks);
	if (message->type == MESSAGE_ACK)
		HOLDS(message_send_acks(ends[0], copy, ack_count) == 0);
	else
		HOLDS(message_send(ends[0], message, NULL, 0) == 0);
	HOLDS(message_receive(ends[1], &again, fds, &fd_count, &got_acks, &got) == 1);
	HOLDS(got == ack_count && memcmp(copy, got_acks, got * sizeof *copy) == 0);
	HOLDS(message->type == MESSAGE_ACK || memcmp(message, &again, sizeof again) == 0);
}

FUZZ(data, length)
{
	struct fuzz_input input = {data, length};
	unsigned more = fuzz_byte(&input) % (FDS_MOST + 1);
	int ends[2], fds[SOCK_FDS_MAX], result, free_fd;
	size_t fd_count = 0, ack_count;
	struct message message;
	const struct ack *acks;

	HOLDS(sock_pair(ends) == 0);
	free_fd = fuzz_free_fd();
	send_raw(ends[0], input.data, input.length, more);
	result = message_receive(ends[1], &message, fds, &fd_count, &acks, &ack_count);
	if (result == 1) {
		HOLDS(fd_count == more);
		check_taken(&message, fd_count, acks, ack_count, input.length);
		for (size_t i = 0; i < fd_count; i++)
			close(fds[i]);
		send_again(ends, &message, acks, ack_count);
	}
	HOLDS(fuzz_free_fd() == free_fd);
	close(ends[0]);
	close(ends[1]);
	return 0;
}
