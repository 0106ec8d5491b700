#include "samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"

enum { PARTITIONS_MAX = 256, SHOWN_MAX = 5 };

struct sample {
	int64_t committed[PARTITIONS_MAX], ends[PARTITIONS_MAX], dead[PARTITIONS_MAX];
};

void places_add(struct places *places, int32_t partition, int64_t offset, struct hash hash)
{
	struct place_list *list;

	while (places->count <= partition) {
		places->lists =
			mem_grow(places->lists, (size_t)places->count + 1, sizeof *places->lists);
		places->lists[places->count++] = (struct place_list){0};
	}
	list = &places->lists[partition];
	if (list->count == list->room) {
		list->room = list->room * 2 + 1024;
		list->items = mem_grow(list->items, list->room, sizeof *list->items);
	}
	list->items[list->count++] = (struct place){offset, hash};
}

void places_release(struct places *places)
{
	for (int32_t i = 0; i < places->count; i++)
		free(places->lists[i].items);
	free(places->lists);
	*places = (struct places){0};
}

/* The numbers behind `word`; what is not there stays 0. */
static void read_list(const char *line, const char *word, int64_t *numbers)
{
	const char *at = strstr(line, word);
	int count = 0;

	if (at == NULL)
		return;
	at += strlen(word);
	for (;;) {
		char *end;
		long long value = strtoll(at, &end, 10);

		if (end == at || count == PARTITIONS_MAX)
			return;
		numbers[count++] = value;
		at = end;
	}
}

static bool was_there(const struct entry *entry, const struct sample *sample)
{
	if (entry->out > 0 && entry->first_out < sample->ends[entry->out_partition])
		return true;
	return entry->dead > 0 && entry->first_dead < sample->dead[entry->dead_partition];
}

static void check_partition(struct sample_faults *faults, const struct sample *sample,
	const struct place_list *list, int32_t partition, size_t *done, const struct table *table)
{
	for (; *done < list->count; (*done)++) {
		const struct place *place = &list->items[*done];
		const struct entry *entry = table_find(table, place->hash);

		if (place->offset >= sample->committed[partition])
			return;
		/* One that is nowhere is counted as lost. */
		if (entry->in > 1 || entry->fate == FATE_NOTHING || entry->out + entry->dead == 0)
			continue;
		if (!was_there(entry, sample) && faults->early++ < SHOWN_MAX)
			printf("committed early: input [%d]@%lld, sample %lld\n", partition,
				(long long)place->offset, faults->samples);
	}
}

struct sample_faults samples_check(
	const char *path, const struct places *places, const struct table *table)
{
	FILE *file = fopen(path, "r");
	struct sample_faults faults = {0};
	size_t done[PARTITIONS_MAX] = {0};
	int64_t highest[PARTITIONS_MAX] = {0};
	struct sample sample;
	char *line = NULL;
	size_t room = 0;

	if (file == NULL || places->count > PARTITIONS_MAX)
		die(STATUS_UNAVAILABLE, "cannot read '%s'", path);
	while (getline(&line, &room, file) > 0) {
		sample = (struct sample){0};
		read_list(line, " committed", sample.committed);
		read_list(line, " ends", sample.ends);
		read_list(line, " dead", sample.dead);
		faults.samples++;
		for (int32_t i = 0; i < places->count; i++) {
			check_partition(&faults, &sample, &places->lists[i], i, &done[i], table);
			if (sample.committed[i] >= 0 && sample.committed[i] < highest[i] &&
				faults.back++ < SHOWN_MAX)
				printf("went back: input [%d] from %lld to %lld, sample %lld\n", i,
					(long long)highest[i], (long long)sample.committed[i],
					faults.samples);
			if (sample.committed[i] > highest[i])
				highest[i] = sample.committed[i];
		}
	}
	free(line);
	fclose(file);
	return faults;
}
