#include "bruco-worker/io/input.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

void input_init(struct input *input, int fd)
{
	*input = (struct input){.fd = fd, .capacity = INPUT_ROOM};
	input->data = mem_grow(NULL, input->capacity, 1);
}

void input_release(struct input *input)
{
	free(input->data);
	*input = (struct input){.fd = -1};
}

int input_read(struct input *input)
{
	size_t left = input_available(input);
	ssize_t got;

	if (input->start > 0) {
		memmove(input->data, input->data + input->start, left);
		input->start = 0;
		input->end = left;
	}
	if (input->wanted > input->capacity) {
		input->capacity = input->wanted;
		input->data = mem_grow(input->data, input->capacity, 1);
	}
	got = read(input->fd, input->data + input->end, input->capacity - input->end);
	if (got < 0)
		return -1;
	input->end += (size_t)got;
	input->ended = got == 0;
	return 0;
}
