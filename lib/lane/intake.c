#include "lane/intake.h"

#include <errno.h>
#include <unistd.h>

enum { CHUNK = 256 << 10 };

void intake_init(struct intake *intake, uint32_t size_max, bool strict)
{
	*intake = (struct intake){.cap = limits_frame(size_max),
		.most = limits_input(size_max),
		.given = UINT64_MAX,
		.strict = strict};
}

ssize_t intake_read(struct intake *intake, int fd)
{
	ssize_t got;

	if (intake->taken > 0) {
		buf_drop(&intake->buf, intake->taken);
		intake->taken = 0;
	}
	buf_reserve(&intake->buf, CHUNK);
	do
		got = read(fd, intake->buf.data + intake->buf.length,
			intake->buf.capacity - intake->buf.length);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		intake->buf.length += (size_t)got;
		intake->position += (uint64_t)got;
	}
	return got;
}

static enum intake_result bad(struct intake *intake, const char *why)
{
	intake->why = why;
	return INTAKE_BAD;
}

/* Whether this frame may come now. In a batch, which its end mark shows to be one, inputs without
 * output are left out. */
static bool in_sequence(const struct intake *intake, const struct frame_head *head)
{
	bool ends_its_own = head->type != FRAME_TYPE_EMPTY && (head->flags & FRAME_LAST) != 0 &&
			    intake->open == 0;

	if (!intake->strict)
		return true;
	if (ends_its_own)
		return head->seq == intake->last + 1;
	return head->seq >= (intake->open != 0 ? intake->open : intake->last + 1);
}

static enum intake_result whole(
	struct intake *intake, struct input *input, uint64_t first, uint64_t last)
{
	if (last > intake->given)
		return bad(intake, "answer to an input that was not given");
	input->frames = intake->buf.data + intake->taken;
	input->length = intake->scanned;
	input->first = first;
	input->last = last;
	intake->taken += intake->scanned;
	intake->scanned = 0;
	intake->last = last;
	intake->open = 0;
	return INTAKE_INPUT;
}

enum intake_result intake_next(struct intake *intake, struct input *input)
{
	uint32_t outputs = 0;

	/* An incomplete input is scanned anew when more has come: rare, and nothing to keep in
	 * step. */
	intake->scanned = 0;
	intake->open = 0;
	input->end = false;
	input->outputs = 0;
	if (intake->taken == intake->buf.length)
		return INTAKE_MORE; /* perhaps there is no memory yet either */
	for (;;) {
		size_t start = intake->taken + intake->scanned;
		const uint8_t *data = intake->buf.data + start;
		size_t available = intake->buf.length - start;
		struct frame_head head;
		uint64_t first;

		switch (frame_head_read(data, available, intake->cap, &head, &intake->why)) {
		case FRAME_BAD:
			return INTAKE_BAD;
		case FRAME_MORE:
			return INTAKE_MORE;
		case FRAME_OK:
			break;
		}
		if (head.type == FRAME_TYPE_END) {
			if (intake->scanned > 0)
				return bad(intake, "stream ends inside an input's outputs");
			intake->scanned = head.length;
			input->end = true;
			return whole(intake, input, intake->last, intake->last);
		}
		if (head.flags & FRAME_ALONE)
			return bad(intake, "flag that only the source may set");
		if (!in_sequence(intake, &head))
			return bad(intake, "sequence number is not the next one");
		intake->scanned += head.length;
		if (intake->scanned > intake->most)
			return bad(intake, "too many outputs of one input");
		if (head.type == FRAME_TYPE_EMPTY) {
			if (frame_empty_read(data, &head, &first, &intake->why) != FRAME_OK)
				return INTAKE_BAD;
			if (intake->strict && first != intake->last + 1)
				return bad(intake, "end mark does not begin with the next input");
			if (head.seq - first >= LIMIT_BATCH_EVENTS)
				return bad(intake, "end mark covers too many inputs");
			if ((head.flags & FRAME_LAST) == 0)
				return bad(intake, "empty frame without the last flag");
			input->outputs = outputs;
			return whole(intake, input, first, head.seq);
		}
		outputs++;
		intake->open = head.seq;
		if ((head.flags & FRAME_LAST) != 0) {
			if (intake->strict && head.seq != intake->last + 1)
				return bad(intake, "input's outputs begin in the middle");
			input->outputs = outputs;
			return whole(intake, input, head.seq, head.seq);
		}
	}
}

void intake_cut(struct intake *intake)
{
	intake->buf.length = 0;
	intake->taken = 0;
	intake->scanned = 0;
	intake->open = 0;
}

bool intake_torn(const struct intake *intake)
{
	return intake->buf.length > intake->taken;
}
