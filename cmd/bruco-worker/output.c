#include "output.h"

#include "base/fd.h"
#include "interpreter.h"

void output_init(struct output *output, int fd)
{
	*output = (struct output){.fd = fd};
	buf_reserve(&output->buf, 2 * OUTPUT_FULL);
}

void output_release(struct output *output)
{
	buf_release(&output->buf);
}

int output_flush(struct output *output)
{
	int result;

	if (output->buf.length == 0)
		return 0;
	interpreter_pause();
	result = fd_write_all(output->fd, output->buf.data, output->buf.length);
	interpreter_resume();
	buf_reset(&output->buf);
	return result;
}
