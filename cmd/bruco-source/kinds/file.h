/*
 * The structures that the files of the file kind share. file.c is the kind; file_find.c finds the files of the
 * path, new ones and renamed ones; file_input.c reads one; file_commit.c remembers how far all are done.
 */
#ifndef BRUCO_SOURCE_KINDS_FILE_H
#define BRUCO_SOURCE_KINDS_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/reminder.h"
#include "bruco-source/kinds/stream.h"
#include "state/places.h"
#include "state/state_folder.h"

enum {
	FILES_MAX = 1024,   /* that are open at once */
	LOOK_MS = 1000,     /* between two looks at files and folders, whatever inotify says */
	FIND_MS = 100,      /* between two that it asks for */
	QUIET_MS = 5000,    /* before a file that was renamed or removed is given up: it may still be written to */
	COMMIT_MS = 500
};

/* One file from its beginning, or from one truncation, to its end or the next truncation. */
struct file_input {
	struct partition partition;
	struct stream stream;
	char *path; /* by which it was found */
	dev_t device;
	ino_t inode;
	int fd;           /* -1: all of it is read */
	bool at_end;      /* at the last look */
	bool found;       /* by the last search */
	bool replaced;    /* the search does not find it any more */
	bool truncated;   /* a new input reads what the file holds now */
	int64_t quiet_since; /* nothing was read since then */
	int64_t shown, moved_ms; /* for the board: how far it was, and since when */
	uint8_t head[PLACE_HEAD]; /* its first bytes, by which it is known again */
	uint32_t head_length;
	uint64_t id; /* random, remembered with the place: names its records, with their offsets */
};

struct file_source {
	struct source *source;
	const struct source_config *config;
	bool follow;
	struct state_folder state;
	bool first_start;     /* nothing was ever remembered */
	struct places places; /* of files that are not open yet */
	struct file_input **inputs;
	size_t count;
	size_t leaving;       /* of them that are replaced or truncated */
	size_t turn;          /* the input that goes first */
	unsigned paths;       /* different ones that were seen: lanes are given in turn */
	int inotify;          /* -1: there is none */
	bool asked;           /* inotify speaks of files that came or went */
	int64_t find_due;
	bool waiting_told, full_told;
	int64_t commit_due;
	bool named; /* a file has got an id that is not remembered yet */
	struct buf written, text; /* of the state: as it is there, and as it is to be */
	struct reminder reminder; /* of lines about the state, */
	struct reminder unreadable; /* and about files */
};

/* ---- file_find.c */

/* Opens the files of the path that are not open, and sees which of the open ones are gone from there. */
void file_find(struct file_source *file);
/* Of those files that the state knows and the path does not find, opens what was renamed in its folder,
 * and forgets the others. */
void file_find_renamed(struct file_source *file);
/* Takes what inotify says. */
void file_notified(struct file_source *file);

/* ---- file_input.c */

/* Takes fd over. `place`: where to go on; NULL: the file is new. */
struct file_input *file_input_open(
	struct file_source *file, const char *path, int fd, const struct stat *status, const struct place *place);
void file_input_close(struct file_input *input);
void file_inputs_spread(void *state); /* source_kind's spread */
/* Reads and takes records; `at_end` and stream.full say why it does no more. */
void file_input_work(struct file_source *file, struct file_input *input);
/* Sees whether an input at its end has more, or was truncated. */
void file_input_look(struct file_source *file, struct file_input *input);
/* The hash of the first bytes of a file; false when it has not so many. */
bool file_head_hash(int fd, uint32_t length, uint64_t *hash);

static inline bool file_input_over(const struct file_input *input)
{
	return input->fd < 0 && stream_left(&input->stream) == 0;
}

/* ---- file_commit.c */

void file_restore(struct file_source *file);
/* Writes how far all is done, if it has changed. False: that could not be written. */
bool file_commit(struct file_source *file);

#endif
