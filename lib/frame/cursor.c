#include "frame/cursor.h"

enum frame_result frame_next(struct frame_cursor *cursor)
{
	enum frame_result result = frame_read(cursor->next, (size_t)(cursor->end - cursor->next),
		cursor->cap, &cursor->record, &cursor->why);

	if (result != FRAME_OK)
		return result;
	cursor->frame = cursor->next;
	cursor->next += cursor->record.head.length;
	return FRAME_OK;
}
