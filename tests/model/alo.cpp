/*
 * At least once: lanes, acknowledgements, the death of a worker, rebalances and drains. README.md says how this
 * stands for the programs.
 *
 * A lane's records have sequence numbers from 1. How far each end of it has come is a row of marks:
 *
 *     acked <= told <= delivered <= read <= flushed <= taken <= written <= queued
 *
 *     queued, written    by the source, into its window and into the pipe to the worker
 *     taken, flushed     by the worker, from that pipe and into the pipe to the sink
 *     read, delivered    by the sink, from that pipe and to the broker
 *     told, acked        what the sink has acknowledged, and what the source has heard of that
 */
#include <cstdlib>

#include "engine.h"

enum { PARTITIONS = 2, LANES = 2, RECORDS = 3, SEQUENCES = 8, ATTEMPTS = 2 };

enum Broken {
	NOTHING,
	REWIND_AT_ONCE,   /* at a worker's death the source goes on at once, behind what is acknowledged */
	RESUME_TAKEN,     /* the lane goes on behind what the dead worker had taken, not what the sink has read */
	FORWARD_PART,     /* the sink sends a part of an input's outputs, before it has them all */
	ACK_READ,         /* the sink acknowledges what it has read, not what is delivered */
	COMMIT_HIGHEST,   /* the source commits the highest offset that is done, not the contiguous frontier */
	COMMIT_LOST,      /* ... and also for a partition that it has lost */
	REVOKE_POSITION,  /* at the end of a revocation all that was dispatched is committed */
	START_UNPINNED,   /* `latest`: where a partition begins is not committed before its first record */
	PAGE_STALE,       /* a worker's page says that an event runs after its outputs were written */
	DRAIN_WRITTEN,    /* a drain ends when all is written, not when all is acknowledged and committed */
	DRAIN_UNREPLACED, /* in a drain a dead worker has no successor */
};
static const std::vector<const char *> rules = {"rewind-at-once", "resume-taken", "forward-part",
	"ack-read", "commit-highest", "commit-lost", "revoke-position", "start-unpinned", "page-stale",
	"drain-written", "drain-unreplaced"};

enum Ordering { BY_PARTITION, BY_KEY, NONE };

static struct {
	int records0 = 2, records1 = 2, window = 2, ordering = BY_PARTITION;
	int worker = 0, kills = 0, rebalances = 0, drain = 0, latest = 0;
	int poison = -1; /* partition * 10 + offset of a record that kills its worker */
	int walk = 0, seed = 1, most = 20, show = 0;
	int broken = NOTHING;
} config;

enum Owner { OURS, REVOKING, AWAY, LOST /* and the source has not heard of it */ };

struct Lane {
	u8 acked, told, delivered, read, flushed, taken, written, queued;
	u8 record[SEQUENCES], epoch[SEQUENCES], attempts[SEQUENCES]; /* by sequence number */
	u8 frames;  /* of input flushed + 1 that are in the pipe already */
	u8 put;     /* outputs of input delivered + 1 that are delivered */
	u8 running; /* the handler works on input flushed + 1 */
	u8 page;    /* what the worker's page says: a sequence number, or 0 */
	u8 dead;    /* the worker, and since: */
	u8 ran, page_left;
};

struct World {
	/* the broker; nothing of a partition is committed at first if latest */
	u8 committed[PARTITIONS], has_commit[PARTITIONS], end[PARTITIONS];
	u8 out[PARTITIONS][RECORDS][2], letters[PARTITIONS][RECORDS];
	/* the source */
	u8 owner[PARTITIONS], position[PARTITIONS], base[PARTITIONS], done[PARTITIONS], epoch[PARTITIONS];
	u8 attempts[PARTITIONS][RECORDS], draining, over;
	Lane lanes[LANES];
	u8 may_repeat; /* something has died that may repeat records */
	u8 worker, kills, rebalances;
};

static int records(int p)
{
	return p == 0 ? config.records0 : config.records1;
}

/* The first record of a partition has two outputs, its third none. */
static int outputs(int offset)
{
	return offset == 0 ? 2 : offset == 2 ? 0 : 1;
}

static int partition_of(const Lane &lane, int seq)
{
	return lane.record[seq] / 10;
}

static int offset_of(const Lane &lane, int seq)
{
	return lane.record[seq] % 10;
}

static bool has_failed(const Lane &lane, int seq)
{
	return lane.attempts[seq] >= ATTEMPTS;
}

static int frames_of(const Lane &lane, int seq)
{
	return has_failed(lane, seq) ? 1 : outputs(offset_of(lane, seq));
}

static bool has_outcome(const World &w, int p, int offset)
{
	for (int number = 0; number < outputs(offset) && !w.letters[p][offset]; number++)
		if (!w.out[p][offset][number])
			return false;
	return w.letters[p][offset] || outputs(offset) > 0 || w.out[p][offset][0];
}

static bool same_key(int a, int b)
{
	return config.ordering == BY_PARTITION || (config.ordering == BY_KEY && a % 2 == b % 2);
}

/* An output reaches the broker; no output: `number` is 0, and it only is noted. */
static const char *deliver(World &w, int p, int offset, int number, bool letter)
{
	u8 &copies = letter ? w.letters[p][offset] : w.out[p][offset][number];

	if (copies > 0 && !w.may_repeat)
		return "a record is doubled, though only workers have died";
	for (int before = 0; before < offset && copies == 0; before++)
		if (same_key(before, offset) && !has_outcome(w, p, before))
			return "a record is overtaken";
	copies = 1;
	return nullptr;
}

static const char *commit(World &w, int p, int offset)
{
	const char *broken = offset < w.committed[p] && w.has_commit[p] ? "a committed offset goes back" : nullptr;

	for (int before = 0; before < offset && broken == nullptr; before++)
		if (!has_outcome(w, p, before))
			broken = "a record is committed that has no outcome";
	w.committed[p] = u8(offset);
	w.has_commit[p] = 1;
	return broken;
}

static int frontier(const World &w, int p)
{
	int offset = w.base[p];

	if (config.broken == COMMIT_HIGHEST) {
		for (int i = offset; i < RECORDS; i++)
			offset = w.done[p] >> i & 1 ? i + 1 : offset;
		return offset;
	}
	while (offset < RECORDS && (w.done[p] >> offset & 1))
		offset++;
	return offset;
}

static void begin(World &w, int p)
{
	w.position[p] = w.has_commit[p] ? w.committed[p] : w.end[p];
	if (!w.has_commit[p] && config.broken != START_UNPINNED) {
		w.has_commit[p] = 1;
		w.committed[p] = w.position[p];
	}
	w.base[p] = w.position[p];
	w.done[p] = 0;
	w.owner[p] = OURS;
}

static bool is_idle(const World &w, int p)
{
	for (const Lane &lane : w.lanes)
		for (int seq = lane.acked + 1; seq <= lane.queued; seq++)
			if (partition_of(lane, seq) == p && lane.epoch[seq] == w.epoch[p])
				return false;
	return true;
}

static bool all_acked(const World &w)
{
	for (const Lane &lane : w.lanes)
		if (lane.acked != lane.queued)
			return false;
	return true;
}

struct AtLeastOnce {
	using State = World;
	using Found = Successors<World>;

	World start() const
	{
		World w;

		memset(&w, 0, sizeof w);
		for (int p = 0; p < PARTITIONS; p++) {
			w.end[p] = u8(config.latest ? 0 : records(p));
			w.has_commit[p] = !config.latest;
			begin(w, p);
		}
		return w;
	}

	const char *end(const World &w) const
	{
		for (int p = 0; p < PARTITIONS && !w.over; p++)
			if (w.draining ? w.owner[p] == OURS && w.committed[p] != w.position[p] : w.committed[p] != records(p))
				return "stuck: not all is committed";
		return w.over || all_acked(w) ? nullptr : "stuck: a window is not empty";
	}

	void successors(const World &w, Found &found) const
	{
		if (w.over)
			return;
		for (int p = 0; p < PARTITIONS; p++) {
			dispatch(w, p, found);
			commits(w, p, found);
			group(w, p, found);
		}
		for (int k = 0; k < LANES; k++) {
			source(w, k, found);
			worker(w, k, found);
			sink(w, k, found);
			death(w, k, found);
		}
		restart(w, found);
		drain(w, found);
	}

	void dispatch(const World &w, int p, Found &found) const
	{
		bool revoking = w.owner[0] == REVOKING || w.owner[1] == REVOKING;

		if (config.latest && w.end[p] < records(p)) {
			World next = w;
			next.end[p]++;
			found.add(next, "a record is written to partition", p, STEP);
		}
		if (w.draining || revoking || (w.owner[p] != OURS && w.owner[p] != LOST) || w.position[p] >= w.end[p])
			return;
		for (int k = 0; k < LANES; k++) {
			World next = w;
			Lane &lane = next.lanes[k];
			int offset = w.position[p];

			if ((config.ordering == BY_PARTITION && k != p % LANES) ||
				(config.ordering == BY_KEY && k != (p * 2 + offset % 2) % LANES) ||
				lane.queued - lane.acked >= config.window || lane.queued + 1 >= SEQUENCES)
				continue;
			lane.queued++;
			lane.record[lane.queued] = u8(p * 10 + offset);
			lane.epoch[lane.queued] = w.epoch[p];
			lane.attempts[lane.queued] = w.attempts[p][offset];
			next.position[p]++;
			found.add(next, "the source dispatches to lane", k, STEP);
		}
	}

	void commits(const World &w, int p, Found &found) const
	{
		int offset = frontier(w, p);
		bool may = w.owner[p] == OURS || w.owner[p] == REVOKING ||
			   (w.owner[p] == LOST && config.broken == COMMIT_LOST);
		World next = w;

		if (!may || offset == w.committed[p] || (offset < w.committed[p] && w.owner[p] != LOST) ||
			offset == w.base[p])
			return;
		const char *broken = commit(next, p, offset);

		found.add(next, "the source commits partition", p, STEP, broken);
	}

	void source(const World &w, int k, Found &found) const
	{
		const Lane &is = w.lanes[k];

		/* What is written into a dead worker's pipe is lost with it. */
		if (is.written < is.queued && is.written - is.taken < 1) {
			World next = w;
			next.lanes[k].written++;
			found.add(next, "the source writes to lane", k, STEP);
		}
		if (is.acked < is.told) {
			World next = w;
			Lane &lane = next.lanes[k];
			while (lane.acked < lane.told) {
				int seq = ++lane.acked, p = partition_of(lane, seq);

				if (lane.epoch[seq] == w.epoch[p] && w.owner[p] != AWAY)
					next.done[p] = u8(next.done[p] | 1 << offset_of(lane, seq));
			}
			found.add(next, "the source hears acknowledgements of lane", k, STEP);
		}
	}

	void worker(const World &w, int k, Found &found) const
	{
		const Lane &is = w.lanes[k];
		int seq = is.flushed + 1;

		if (is.dead)
			return;
		if (is.taken < is.written && is.taken == is.flushed) {
			World next = w;
			Lane &lane = next.lanes[k];
			lane.taken++;
			lane.running = !has_failed(lane, seq);
			lane.page = lane.running ? u8(seq) : 0;
			found.add(next, "the worker begins an event, lane", k, STEP);
		}
		if (is.taken == is.flushed)
			return;
		if (is.running && is.record[seq] == config.poison) {
			World next = w;
			die(next.lanes[k]);
			found.add(next, "the handler kills its worker, lane", k, STEP);
		} else if (is.running) {
			World next = w;
			next.lanes[k].running = 0;
			if (config.broken != PAGE_STALE)
				next.lanes[k].page = 0;
			found.add(next, "the handler returns, lane", k, STEP);
		} else if (is.frames == frames_of(is, seq)) { /* the end mark */
			World next = w;
			next.lanes[k].flushed++;
			next.lanes[k].frames = 0;
			found.add(next, "the worker ends an input, lane", k, STEP);
		} else {
			World next = w;
			const char *broken = nullptr;
			int number = next.lanes[k].frames++;
			if (config.broken == FORWARD_PART)
				broken = deliver(next, partition_of(is, seq), offset_of(is, seq), number, has_failed(is, seq));
			found.add(next, "the worker writes an output, lane", k, STEP, broken);
		}
	}

	void sink(const World &w, int k, Found &found) const
	{
		const Lane &is = w.lanes[k];
		int seq = is.delivered + 1;
		u8 ack = config.broken == ACK_READ ? is.read : is.delivered;

		if (is.read < is.flushed) {
			World next = w;
			next.lanes[k].read++;
			found.add(next, "the sink reads an input, lane", k, STEP);
		}
		if (is.delivered < is.read) {
			World next = w;
			Lane &lane = next.lanes[k];
			int p = partition_of(is, seq), offset = offset_of(is, seq), frames = frames_of(is, seq);
			const char *broken = nullptr;

			if (config.broken == FORWARD_PART)
				lane.put = u8(frames); /* they are */
			else if (frames == 0)
				next.out[p][offset][0] = 1;
			else
				broken = deliver(next, p, offset, lane.put++, has_failed(is, seq));
			if (lane.put >= frames) {
				lane.delivered++;
				lane.put = 0;
			}
			found.add(next, "the broker takes an output of lane", k, STEP, broken);
		}
		if (is.told < ack) {
			World next = w;
			next.lanes[k].told = ack;
			found.add(next, "the sink acknowledges lane", k, STEP);
		}
	}

	static void die(Lane &lane)
	{
		lane.dead = 1;
		lane.ran = lane.running ? u8(lane.flushed + 1) : 0;
		lane.page_left = lane.page;
		lane.running = lane.page = lane.frames = 0;
	}

	/* The source goes on when the sink has read out the dead worker's pipe and said how far that went. */
	void death(const World &w, int k, Found &found) const
	{
		const Lane &is = w.lanes[k];

		if (!is.dead && w.worker < config.worker) {
			World next = w;
			next.worker++;
			die(next.lanes[k]);
			found.add(next, "A WORKER IS KILLED, lane", k, FAULT);
		}
		if (!is.dead || (w.draining && config.broken == DRAIN_UNREPLACED))
			return;
		if (config.broken == REWIND_AT_ONCE) {
			resume(w, k, is.acked, found);
		} else if (is.read == is.flushed) {
			bool skips = config.broken == RESUME_TAKEN && is.delivered == is.read;

			resume(w, k, skips ? is.taken : is.read, found);
		}
	}

	void resume(const World &w, int k, u8 from, Found &found) const
	{
		World next = w;
		Lane &lane = next.lanes[k];
		const char *broken = nullptr;
		u8 blamed = lane.page_left > lane.read ? lane.page_left : 0;

		if (blamed != lane.ran)
			broken = blamed == 0 ? "an event kills its worker, and is not blamed"
					     : "an event is blamed that was not running";
		if (blamed > 0 && lane.attempts[blamed] < ATTEMPTS) {
			lane.attempts[blamed]++;
			next.attempts[partition_of(lane, blamed)][offset_of(lane, blamed)] = lane.attempts[blamed];
		}
		/* An acknowledgement stands for all before it, too. */
		if (from > lane.read || from < lane.delivered)
			lane.delivered = from;
		lane.read = lane.flushed = lane.taken = lane.written = from;
		lane.dead = lane.ran = lane.page_left = 0;
		found.add(next, "the source resumes lane", k, STEP, broken);
	}

	void restart(const World &w, Found &found) const
	{
		World next = w;

		if (w.kills >= config.kills)
			return;
		next.kills++;
		next.may_repeat = 1;
		memset(next.lanes, 0, sizeof next.lanes);
		for (int p = 0; p < PARTITIONS; p++)
			if (w.owner[p] == OURS || w.owner[p] == REVOKING)
				begin(next, p);
			else
				next.owner[p] = AWAY;
		const char *broken = nullptr;

		for (int p = 0; p < PARTITIONS; p++)
			for (int offset = 0; next.owner[p] == OURS && offset < next.position[p]; offset++)
				if (!has_outcome(next, p, offset))
					broken = "a restart leaves a record out";
		found.add(next, "SOURCE OR SINK IS KILLED", 0, FAULT, broken);
	}

	void group(const World &w, int p, Found &found) const
	{
		if (w.owner[p] == OURS && w.rebalances < config.rebalances && !w.draining) {
			World next = w;
			next.rebalances++;
			next.owner[p] = REVOKING;
			found.add(next, "THE GROUP WANTS PARTITION", p, FAULT);
			next.owner[p] = LOST;
			next.may_repeat = 1;
			found.add(next, "THE GROUP TAKES PARTITION", p, FAULT);
		}
		if (w.owner[p] == REVOKING) {
			World next = w;
			next.owner[p] = AWAY;
			if (is_idle(w, p) && frontier(w, p) == w.committed[p]) {
				found.add(next, "the source gives up partition", p, STEP);
			} else {
				int offset = config.broken == REVOKE_POSITION ? w.position[p] : frontier(w, p);
				const char *broken = commit(next, p, offset);

				next.may_repeat = 1;
				found.add(next, "THE TIME TO GIVE UP IS OVER, partition", p, FAULT, broken);
			}
		}
		if (w.owner[p] == LOST) {
			World next = w;
			next.owner[p] = AWAY;
			found.add(next, "the source hears that it has lost partition", p, STEP);
		}
		if ((w.owner[p] == AWAY || w.owner[p] == LOST) && w.committed[p] < w.end[p]) {
			World next = w;
			const char *broken = nullptr;
			int offset = next.committed[p];

			if (outputs(offset) == 0)
				next.out[p][offset][0] = 1;
			for (int number = 0; number < outputs(offset) && broken == nullptr; number++)
				broken = deliver(next, p, offset, number, false);
			next.committed[p]++;
			found.add(next, "another instance does a record of partition", p, STEP, broken);
		}
		if (w.owner[p] == AWAY && !w.draining) {
			World next = w;
			next.epoch[p]++;
			begin(next, p);
			found.add(next, "THE GROUP GIVES BACK PARTITION", p, FAULT);
		}
	}

	void drain(const World &w, Found &found) const
	{
		bool done = w.draining;
		const char *broken = nullptr;

		if (config.drain && !w.draining) {
			World next = w;
			next.draining = 1;
			found.add(next, "SIGTERM", 0, FAULT);
		}
		for (const Lane &lane : w.lanes)
			done = done && (config.broken == DRAIN_WRITTEN ? lane.written : lane.acked) == lane.queued;
		for (int p = 0; p < PARTITIONS; p++) {
			bool owned = w.owner[p] == OURS || w.owner[p] == REVOKING;

			if (config.broken != DRAIN_WRITTEN && owned && frontier(w, p) != w.committed[p])
				done = false;
			if (w.owner[p] == OURS && w.committed[p] != w.position[p])
				broken = "a drain leaves work that is not committed";
		}
		if (done) {
			World next = w;
			next.over = 1;
			found.add(next, "the drain ends", 0, STEP, broken);
		}
	}
};

int main(int count, char **words)
{
	const std::vector<Option> options = {{"records0", &config.records0}, {"records1", &config.records1},
		{"window", &config.window}, {"ordering", &config.ordering}, {"worker", &config.worker},
		{"kills", &config.kills}, {"rebalances", &config.rebalances}, {"drain", &config.drain},
		{"latest", &config.latest}, {"poison", &config.poison}, {"walk", &config.walk},
		{"seed", &config.seed}, {"most", &config.most}, {"show", &config.show}};
	AtLeastOnce model;
	Explorer<AtLeastOnce> explorer(model);

	if (!read_options(count, words, options, rules, &config.broken))
		return 64;
	return config.walk > 0 ? explorer.walk(uint64_t(config.seed), config.walk, 20, config.show)
			       : explorer.all(size_t(config.most) * 1000000, config.show);
}
