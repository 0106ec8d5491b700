/*
 * Exactly once: the sink chooses a cut, and commits outputs and offsets in one transaction. README.md says how
 * this stands for the programs.
 *
 * Ordering is by partition and each partition has a lane of its own, so that whatever is under way in a lane is
 * a row of intervals of its partition's offsets:
 *
 *     acked <= read <= held <= flushed <= taken <= written <= position
 *
 *     [read, held)       the input, or the batch, whose outputs the sink puts into the transaction
 *     [held, flushed)    in the pipe from the worker: one input, or one batch
 *     [flushed, taken)   in the worker's hands
 *     [taken, written)   in the pipe to the worker
 *     [written, position) in the source's window only
 */
#include <cstdlib>

#include "engine.h"

enum { PARTITIONS = 2, RECORDS = 3, OUTPUTS = 2, NO_OFFSET = 255 };

/* Rules that can be broken on purpose, each of which must be caught. */
enum Broken {
	NOTHING,
	METADATA_LATE,      /* the group's metadata are read when the offsets are sent, not when they are told */
	FETCH_EARLY,        /* a new source asks for offsets before the new sink's init_transactions has returned */
	SAME_PRODUCER,      /* after a time-out the same producer sends its request again and goes on */
	SOURCE_COMMITS,     /* the source commits its frontier as well */
	CUT_IN_INPUT,       /* a cut while an input is put by halves */
	CUT_OVERTAKES,      /* the cut is answered before acknowledgements that were sent earlier */
	NO_FLUSH,           /* the transaction ends before all outputs are delivered */
	UNSTABLE_OFFSETS,   /* whoever takes a partition over reads offsets that an open transaction may change */
	GIVE_UP_AT_ONCE,    /* a partition is given up while something of it is not committed, and the source goes on */
	LOSS_IGNORED,       /* a source that has lost a partition with uncommitted work goes on */
	COMMIT_ASSUMED,     /* a commit that has timed out is taken for one that succeeded */
	ABORT_ASSUMED,      /* ... for one that failed, and positions are taken from memory */
	LETTER_OUTSIDE,     /* dead letters are sent outside of the transaction */
	RESUME_BEHIND_HANDS,/* a dead worker's lane goes on behind what the worker had in its hands */
	SEEK_AT_RESUME,     /* a partition that was paused goes on at the committed offset */
	STALE_COMMITTED,    /* a COMMITTED counts for a partition that was assigned anew since */
	LEAVE_UNCOMMITTED,  /* a drain ends when all is acknowledged, not when all is committed */
	START_GOES_ON,      /* the commit of where partitions begin may arrive later, and the source goes on */
};
static const std::vector<const char *> rules = {"metadata-late", "fetch-early", "same-producer", "source-commits",
	"cut-in-input", "cut-overtakes", "no-flush", "unstable-offsets", "give-up-at-once", "loss-ignored",
	"commit-assumed", "abort-assumed", "letter-outside", "resume-behind-hands", "seek-at-resume",
	"stale-committed", "leave-uncommitted", "start-goes-on"};

static struct {
	int records0 = 2, records1 = 1; /* of each partition */
	int worker = 0, kills = 0, timeouts = 0, aborts = 0, rebalances = 0, recycles = 0, pauses = 0, drain = 0;
	int starts = 0; /* commits of where partitions begin whose connection is lost */
	int hands0 = 1, batch = 0; /* events that worker 0 has in flight; whether worker 1 takes batches of 2 */
	int letter = -1;           /* partition * 10 + offset of a record that fails */
	int walk = 0, seed = 1, most = 20, show = 0;
	int broken = NOTHING;
} config;

enum Owner { OURS, REVOKING, AWAY, LOST /* and the source has not heard of it */ };
enum Source { SOURCE_WAITS /* for the sink's init */, SOURCE_RUNS, SOURCE_DOWN };
enum Sink { SINK_INIT, SINK_RUNS, SINK_CUT, SINK_ANSWERED, SINK_OFFSETS, SINK_END, SINK_DOWN };
enum Request { NO_REQUEST, OFFSETS, END };
enum Answer { NO_ANSWER, ACCEPTED, REFUSED };

struct Lane {
	u8 acked, read, held, flushed, taken, written, position;
	u8 put;  /* outputs of [read, held) that are put */
	u8 dead; /* the worker; the sink reads its pipe out */
};

struct InFlight { /* a request of this or of a former sink */
	u8 kind, epoch, generation, offsets[PARTITIONS];
};

struct Copies {
	u8 out[OUTPUTS], letter;
};

struct World {
	/* the broker */
	u8 committed[PARTITIONS], generation, epoch, offsets_pending, pending[PARTITIONS];
	Copies visible[PARTITIONS][RECORDS], open[PARTITIONS][RECORDS]; /* open: in the transaction */
	InFlight requests[2];
	/* the source */
	u8 source, owner[PARTITIONS], member_generation, known[PARTITIONS], paused[PARTITIONS], draining, over;
	u8 committing[PARTITIONS]; /* told to the sink in this assignment */
	u8 fetched[PARTITIONS]; /* FETCH_EARLY, ABORT_ASSUMED */
	/* the sink, and what is on the link */
	u8 sink, answer, dirty, answered[PARTITIONS], answered_generation, committed_told;
	Copies queued[PARTITIONS][RECORDS]; /* put, and not delivered */
	Lane lanes[PARTITIONS];
	/* the source's own commit of where partitions begin, sent again by its client */
	u8 late_start[PARTITIONS], late_generation, new_member;
	/* faults that were used up */
	u8 starts, worker, kills, timeouts, aborts, rebalances, recycles, pauses;
};

static int records(int p)
{
	return p == 0 ? config.records0 : config.records1;
}

static bool is_letter(int p, int offset)
{
	return config.letter == p * 10 + offset;
}

/* The first record of a partition has two outputs, the second none, the third one. */
static int outputs(int p, int offset)
{
	return is_letter(p, offset) ? 1 : (2 + 2 * offset) % 3 == 1 ? 0 : offset == 0 ? 2 : 1;
}

static int unit_outputs(int p, const Lane &lane)
{
	int sum = 0;

	for (int offset = lane.read; offset < lane.held; offset++)
		sum += outputs(p, offset);
	return sum;
}

static u8 *copies(Copies (*where)[RECORDS], int p, int offset, int number)
{
	return is_letter(p, offset) ? &where[p][offset].letter : &where[p][offset].out[number];
}

/* What a reader of committed records sees is what lies below the committed offsets. */
static const char *wrong(const World &w)
{
	for (int p = 0; p < PARTITIONS; p++)
		for (int offset = 0; offset < records(p); offset++)
			for (int number = 0; number < outputs(p, offset); number++) {
				World copy = w;
				u8 seen = *copies(copy.visible, p, offset, number);

				if (seen > 1)
					return "a record is doubled";
				if (seen < (offset < w.committed[p]))
					return "a record is lost";
				if (seen > (offset < w.committed[p]))
					return "an output is visible whose offset is not committed";
			}
	return nullptr;
}

static void add_all(Copies (*to)[RECORDS], Copies (*from)[RECORDS])
{
	u8 *target = reinterpret_cast<u8 *>(to), *source = reinterpret_cast<u8 *>(from);

	for (size_t i = 0; i < sizeof(Copies) * PARTITIONS * RECORDS; i++)
		target[i] = u8(target[i] + source[i]);
	memset(from, 0, sizeof(Copies) * PARTITIONS * RECORDS);
}

static bool any(const Copies (*where)[RECORDS])
{
	static const Copies none[PARTITIONS][RECORDS] = {};

	return memcmp(where, none, sizeof none) != 0;
}

static void abort_transaction(World &w)
{
	memset(w.open, 0, sizeof w.open);
	memset(w.pending, 0, sizeof w.pending);
	w.offsets_pending = 0;
}

static void begin_at(World &w, int p, u8 offset)
{
	Lane &lane = w.lanes[p];

	lane = Lane{};
	lane.acked = lane.read = lane.held = lane.flushed = lane.taken = lane.written = lane.position = offset;
	w.known[p] = offset;
	if (config.broken != STALE_COMMITTED)
		w.committing[p] = NO_OFFSET;
}

static bool is_owned(const World &w, int p)
{
	return w.owner[p] != AWAY;
}

/* Whether anything of it was dispatched that is not known to be committed. */
static bool is_clean(const World &w, int p)
{
	return w.lanes[p].acked == w.lanes[p].position && w.known[p] == w.lanes[p].position;
}

/* The source gives a partition up, and joins the present generation: with that it knows of all that it has lost. */
static void give_up(World &w, int given)
{
	for (int p = 0; p < PARTITIONS; p++) {
		bool goes_on = config.broken == (w.owner[p] == LOST ? LOSS_IGNORED : GIVE_UP_AT_ONCE);

		if (p != given && w.owner[p] != LOST)
			continue;
		if (!is_clean(w, p) && !goes_on)
			w.source = SOURCE_DOWN;
		w.owner[p] = AWAY;
		begin_at(w, p, w.lanes[p].position);
	}
	w.member_generation = w.generation;
}

static void send(World &w, u8 kind, u8 generation)
{
	InFlight &request = w.requests[w.requests[0].kind != NO_REQUEST];

	request = InFlight{};
	request.kind = kind;
	request.epoch = w.epoch;
	if (kind == OFFSETS) {
		request.generation = generation;
		memcpy(request.offsets, w.answered, PARTITIONS);
	}
}

static bool can_send(const World &w)
{
	return w.requests[0].kind == NO_REQUEST || w.requests[1].kind == NO_REQUEST;
}

struct ExactlyOnce {
	using State = World;
	using Found = Successors<World>;

	World start() const
	{
		World w;

		memset(&w, 0, sizeof w);
		w.sink = SINK_INIT;
		w.source = SOURCE_WAITS;
		return w;
	}

	const char *end(const World &w) const
	{
		if (w.over)
			return nullptr;
		for (int p = 0; p < PARTITIONS; p++)
			if (w.committed[p] < records(p) && (is_owned(w, p) || !w.draining))
				return "stuck: not all is committed";
		return wrong(w);
	}

	void successors(const World &w, Found &found) const
	{
		if (w.over)
			return;
		for (int p = 0; p < PARTITIONS; p++) {
			lane(w, p, found);
			group(w, p, found);
			pauses(w, p, found);
		}
		cut(w, found);
		for (int i = 0; i < 2; i++)
			broker(w, i, found);
		beginning(w, found);
		late_start(w, found);
		faults(w, found);
		drain(w, found);
	}

	void lane(const World &w, int p, Found &found) const
	{
		const Lane &is = w.lanes[p];
		bool revoking = w.owner[0] == REVOKING || w.owner[1] == REVOKING;
		bool batches = p == 1 && config.batch;
		int hands = batches ? 2 : p == 0 ? config.hands0 : 1;

		if (w.source == SOURCE_RUNS && (w.owner[p] == OURS || w.owner[p] == LOST) && !revoking && !w.draining &&
			!w.paused[p] && is.position < records(p)) {
			World next = w;
			next.lanes[p].position++;
			found.add(next, "the source dispatches from partition", p, STEP);
		}
		if (w.source == SOURCE_RUNS && is.written < is.position && is.written - is.taken < 1) {
			World next = w;
			next.lanes[p].written++;
			found.add(next, "the source writes to lane", p, STEP);
		}
		if (w.source == SOURCE_RUNS && is.acked < is.read) {
			World next = w;
			next.lanes[p].acked = is.read;
			found.add(next, "the source takes acknowledgements of lane", p, STEP);
		}
		if (!is.dead && is.taken < is.written && is.taken - is.flushed < hands) {
			World next = w;
			next.lanes[p].taken++;
			found.add(next, "a worker takes an event, lane", p, STEP);
		}
		if (!is.dead && is.flushed < is.taken && is.flushed == is.held) {
			World next = w;
			next.lanes[p].flushed = u8(batches ? is.taken : is.flushed + 1);
			found.add(next, "a worker writes outputs, lane", p, STEP);
		}
		if (w.sink == SINK_RUNS && is.held < is.flushed && is.read == is.held) {
			World next = w;
			next.lanes[p].held = is.flushed;
			next.dirty = 1;
				found.add(next, "the sink reads an input, lane", p, STEP);
		}
		if (w.sink == SINK_RUNS && is.read < is.held)
			put(w, p, found);
		if (is.dead && is.read == is.flushed && w.source == SOURCE_RUNS) {
			World next = w;
			Lane &lane = next.lanes[p];

			if (config.broken == RESUME_BEHIND_HANDS)
				lane.read = lane.held = lane.flushed = lane.taken;
			lane.taken = lane.written = lane.flushed;
			lane.dead = 0;
			found.add(next, "the source resumes lane", p, STEP);
		}
	}

	/* One output, or the end of an input. */
	void put(const World &w, int p, Found &found) const
	{
		World next = w;
		Lane &lane = next.lanes[p];
		int number = lane.put, offset = lane.read;

		if (number == unit_outputs(p, lane)) {
			lane.read = lane.held;
			lane.put = 0;
			found.add(next, "the sink has put an input, lane", p, STEP);
			return;
		}
		while (number >= outputs(p, offset))
			number -= outputs(p, offset++);
		lane.put++;
		if (config.broken == LETTER_OUTSIDE && is_letter(p, offset))
			++*copies(next.visible, p, offset, number);
		else
			++*copies(next.queued, p, offset, number);
		found.add(next, "the sink puts an output, lane", p, STEP,
			config.broken == LETTER_OUTSIDE && next.visible[p][offset].letter > 1 ? wrong(next) : nullptr);
	}

	void cut(const World &w, Found &found) const
	{
		bool between = true;

		for (const Lane &lane : w.lanes)
			between = between && lane.read == lane.held;
		if (any(w.queued)) {
			World next = w;
			add_all(next.open, next.queued);
			found.add(next, "all outputs are delivered", 0, STEP);
		}
		if (w.sink == SINK_RUNS && w.dirty && (between || config.broken == CUT_IN_INPUT)) {
			World next = w;
			next.sink = SINK_CUT;
			found.add(next, "the sink asks for a cut", 0, STEP);
		}
		/* COMMITTED was sent before CUT. */
		if (w.sink == SINK_CUT && w.source == SOURCE_RUNS && !w.committed_told) {
			World next = w;
			for (int p = 0; p < PARTITIONS; p++) {
				if (config.broken != CUT_OVERTAKES && next.lanes[p].acked < next.lanes[p].read)
					next.lanes[p].acked = next.lanes[p].read;
				next.answered[p] = is_owned(w, p) ? next.lanes[p].acked : u8(NO_OFFSET);
			}
			memcpy(next.committing, next.answered, PARTITIONS);
			next.answered_generation = w.member_generation;
			next.sink = SINK_ANSWERED;
			found.add(next, "the source answers with offsets and metadata", 0, STEP);
		}
		if (w.sink == SINK_ANSWERED && can_send(w)) {
			World next = w;
			next.sink = SINK_OFFSETS;
			send(next, OFFSETS,
				config.broken == METADATA_LATE ? w.member_generation : w.answered_generation);
			found.add(next, "the sink sends offsets", 0, STEP);
		}
		if (w.sink == SINK_OFFSETS && w.answer == ACCEPTED && can_send(w) &&
			(!any(w.queued) || config.broken == NO_FLUSH)) {
			World next = w;
			next.sink = SINK_END;
			next.answer = NO_ANSWER;
			send(next, END, 0);
			found.add(next, "the sink sends EndTxn", 0, STEP);
		}
		if (w.answer == REFUSED) {
			World next = w;
			next.answer = NO_ANSWER;
			next.sink = SINK_DOWN;
			found.add(next, "the sink is refused, and ends", 0, STEP);
		}
		if (w.sink == SINK_END && w.answer == ACCEPTED && !w.committed_told) {
			World next = w;
			next.answer = NO_ANSWER;
			next.sink = SINK_RUNS;
			next.dirty = 0;
			next.committed_told = 1;
			found.add(next, "the sink says COMMITTED", 0, STEP);
		}
		if (w.committed_told && w.source == SOURCE_RUNS) {
			World next = w;
			next.committed_told = 0;
			for (int p = 0; p < PARTITIONS; p++)
				if (next.committing[p] != NO_OFFSET)
					next.known[p] = next.committing[p];
			found.add(next, "the source hears COMMITTED", 0, STEP);
		}
	}

	/* Works on a request, be it late, or never gets it. */
	void broker(const World &w, int slot, Found &found) const
	{
		const InFlight request = w.requests[slot];
		World next = w;
		bool current = request.epoch == w.epoch;
		bool waited_for = current && ((request.kind == OFFSETS && w.sink == SINK_OFFSETS) ||
						     (request.kind == END && w.sink == SINK_END));
		const char *broken = nullptr;

		if (request.kind == NO_REQUEST)
			return;
		next.requests[slot] = InFlight{};
		if (!waited_for)
			found.add(next, "a late request is lost, slot", slot, STEP);
		if (current && request.kind == OFFSETS && request.generation == w.generation) {
			next.offsets_pending = 1;
			memcpy(next.pending, request.offsets, PARTITIONS);
		} else if (current && request.kind == END) {
			add_all(next.visible, next.open);
			for (int p = 0; p < PARTITIONS && w.offsets_pending; p++)
				if (w.pending[p] != NO_OFFSET)
					next.committed[p] = w.pending[p];
			abort_transaction(next);
			broken = wrong(next);
		}
		if (waited_for)
			next.answer = request.kind == END || request.generation == w.generation ? ACCEPTED : REFUSED;
		found.add(next, "the broker works on a request, slot", slot, STEP, broken);
	}

	/* How a pipeline begins, the first one and any other. */
	void beginning(const World &w, Found &found) const
	{
		if (w.sink == SINK_INIT && w.source != SOURCE_DOWN) {
			World next = w;
			next.epoch++;
			abort_transaction(next);
			next.sink = SINK_RUNS;
			found.add(next, "the sink's init_transactions returns", 0, STEP);
		}
		if (w.sink == SINK_RUNS && w.source == SOURCE_WAITS && !w.offsets_pending) {
			World next = w;
			for (int p = 0; p < PARTITIONS; p++)
				if (is_owned(w, p))
					begin_at(next, p, config.broken == FETCH_EARLY ? w.fetched[p] : w.committed[p]);
			next.source = SOURCE_RUNS;
			next.member_generation = w.generation;
			found.add(next, "the source asks where to begin", 0, STEP);
			if (w.starts < config.starts)
				lose_start(next, found);
		}
		if (w.sink == SINK_DOWN || w.source == SOURCE_DOWN)
			restart(w, STEP, "the driver starts all anew", found);
	}

	/* Where nothing of a partition is committed the source commits that it begins there. Its connection is lost, and
	 * the client sends that again: one of the two is worked on now, and changes nothing. */
	void lose_start(World next, Found &found) const
	{
		bool begun = true;

		for (int p = 0; p < PARTITIONS; p++) {
			next.late_start[p] = is_owned(next, p) && next.committed[p] == 0;
			begun = begun && !next.late_start[p];
		}
		if (begun)
			return;
		next.starts++;
		next.late_generation = next.member_generation;
		if (config.broken != START_GOES_ON) {
			next.source = SOURCE_DOWN;
			next.new_member = 1;
		}
		found.add(next, "A CONNECTION IS LOST while starts are committed", 0, FAULT);
	}

	void late_start(const World &w, Found &found) const
	{
		bool late = false;
		World next = w;

		for (int p = 0; p < PARTITIONS; p++) {
			late = late || w.late_start[p];
			next.late_start[p] = 0;
		}
		if (!late)
			return;
		found.add(next, "the late commit of starts is lost", 0, STEP);
		for (int p = 0; p < PARTITIONS && w.late_generation == w.generation; p++)
			if (w.late_start[p])
				next.committed[p] = 0;
		found.add(next, "the late commit of starts arrives", 0, STEP, wrong(next));
	}

	/* Requests that are in flight stay so. */
	void restart(const World &w, Kind kind, const char *action, Found &found) const
	{
		World next = w;

		memset(next.lanes, 0, sizeof next.lanes);
		memset(next.queued, 0, sizeof next.queued);
		memset(next.answered, 0, sizeof next.answered);
		memset(next.known, 0, sizeof next.known);
		memset(next.committing, NO_OFFSET, sizeof next.committing);
		memset(next.paused, 0, sizeof next.paused);
		next.sink = SINK_INIT;
		next.source = SOURCE_WAITS;
		next.answer = next.dirty = next.committed_told = next.answered_generation = 0;
		for (int p = 0; p < PARTITIONS; p++) {
			if (w.owner[p] == REVOKING)
				next.generation++;
			if (w.owner[p] != OURS)
				next.owner[p] = AWAY;
			next.fetched[p] = config.broken == FETCH_EARLY ? w.committed[p] : 0;
		}
		next.kills = u8(w.kills + (kind == FAULT));
		next.generation = u8(next.generation + w.new_member);
		next.new_member = 0;
		found.add(next, action, 0, kind);
	}

	void faults(const World &w, Found &found) const
	{
		for (int p = 0; p < PARTITIONS; p++) {
			const Lane &is = w.lanes[p];
			bool alive = !is.dead && w.source == SOURCE_RUNS;

			if (alive && w.worker < config.worker) {
				World next = w;
				next.worker++;
				next.lanes[p].dead = 1;
				found.add(next, "A WORKER IS KILLED, lane", p, FAULT);
			}
			/* A reload replaces workers in the same way, one after the other. */
			if (alive && w.recycles < config.recycles && is.flushed == is.taken) {
				World next = w;
				next.recycles++;
				next.lanes[p].dead = 1;
				found.add(next, "A WORKER IS RECYCLED, lane", p, FAULT);
			}
		}
		if (w.kills < config.kills)
			restart(w, FAULT, "SOURCE OR SINK IS KILLED", found);
		if ((w.sink == SINK_OFFSETS || w.sink == SINK_END) && w.timeouts < config.timeouts)
			time_out(w, found);
		if (w.sink == SINK_RUNS && w.aborts < config.aborts) {
			World next = w;
			next.aborts++;
			next.epoch++;
			abort_transaction(next);
			next.sink = SINK_DOWN;
			found.add(next, "THE BROKER ABORTS THE TRANSACTION", 0, FAULT);
		}
		if (config.broken == SOURCE_COMMITS && w.source == SOURCE_RUNS)
			for (int p = 0; p < PARTITIONS; p++)
				if (w.owner[p] == OURS && w.lanes[p].acked > w.committed[p]) {
					World next = w;
					next.committed[p] = w.lanes[p].acked;
					found.add(next, "the source commits partition", p, STEP, wrong(next));
				}
	}

	/* The request may have been worked on, may be later, or never. */
	void time_out(const World &w, Found &found) const
	{
		World next = w;

		next.timeouts++;
		next.answer = NO_ANSWER;
		if (config.broken == SAME_PRODUCER && w.sink == SINK_END) {
			if (can_send(w)) {
				send(next, END, 0);
				found.add(next, "A REQUEST TIMES OUT, and is sent again", 0, FAULT);
			}
			return;
		}
		if (config.broken == COMMIT_ASSUMED && w.sink == SINK_END && !w.committed_told) {
			next.sink = SINK_RUNS;
			next.epoch++;
			abort_transaction(next);
			next.dirty = 0;
			next.committed_told = 1;
		} else if (config.broken == ABORT_ASSUMED && w.sink == SINK_END) {
			next.epoch++;
			abort_transaction(next);
			next.sink = SINK_RUNS;
			next.dirty = 0;
			for (int p = 0; p < PARTITIONS; p++)
				if (is_owned(w, p))
					begin_at(next, p, w.known[p]);
		} else {
			next.sink = SINK_DOWN;
		}
		found.add(next, "A REQUEST TIMES OUT", 0, FAULT);
	}

	void group(const World &w, int p, Found &found) const
	{
		bool stable = !w.offsets_pending || config.broken == UNSTABLE_OFFSETS;

		if (w.owner[p] == OURS && w.source == SOURCE_RUNS && w.rebalances < config.rebalances && !w.draining) {
			World next = w;
			next.rebalances++;
			next.owner[p] = REVOKING;
			found.add(next, "THE GROUP WANTS PARTITION", p, FAULT);
			next.owner[p] = LOST;
			next.generation++;
			found.add(next, "THE GROUP TAKES PARTITION", p, FAULT);
		}
		if (w.owner[p] == REVOKING && w.source == SOURCE_RUNS) {
			World next = w;
			bool clean = is_clean(w, p);

			next.generation++;
			give_up(next, p);
			if (clean || config.broken == GIVE_UP_AT_ONCE)
				found.add(next, "the source gives up partition", p, STEP);
			else
				found.add(next, "THE TIME TO GIVE UP IS OVER, partition", p, FAULT);
		}
		if (w.owner[p] == LOST && w.source == SOURCE_RUNS) {
			World next = w;
			give_up(next, p);
			found.add(next, "the source hears that it has lost partition", p, STEP);
		}
		if ((w.owner[p] == AWAY || w.owner[p] == LOST) && stable && w.committed[p] < records(p)) {
			World next = w;
			int offset = next.committed[p]++;
			for (int number = 0; number < outputs(p, offset); number++)
				++*copies(next.visible, p, offset, number);
			found.add(next, "another instance does a record of partition", p, STEP, wrong(next));
		}
		if (w.owner[p] == AWAY && w.source == SOURCE_RUNS && stable && w.sink == SINK_RUNS) {
			World next = w;
			next.owner[p] = OURS;
			begin_at(next, p, w.committed[p]);
			found.add(next, "THE GROUP GIVES BACK PARTITION", p, FAULT);
		}
	}

	void pauses(const World &w, int p, Found &found) const
	{
		const Lane &is = w.lanes[p];

		if (w.source == SOURCE_RUNS && w.owner[p] == OURS && !w.paused[p] && w.pauses < config.pauses) {
			World next = w;
			next.pauses++;
			next.paused[p] = 1;
			found.add(next, "THE USER PAUSES PARTITION", p, FAULT);
		}
		if (w.paused[p] && w.source == SOURCE_RUNS) {
			World next = w;
			next.paused[p] = 0;
			if (config.broken == SEEK_AT_RESUME && is.acked == is.position && !is.dead)
				begin_at(next, p, w.known[p]);
			found.add(next, "the user resumes partition", p, STEP);
		}
	}

	void drain(const World &w, Found &found) const
	{
		bool done = true;

		if (config.drain && !w.draining && w.source == SOURCE_RUNS) {
			World next = w;
			next.draining = 1;
			found.add(next, "SIGTERM", 0, FAULT);
		}
		if (!w.draining || w.source != SOURCE_RUNS)
			return;
		for (int p = 0; p < PARTITIONS; p++)
			if (config.broken == LEAVE_UNCOMMITTED ? w.lanes[p].acked != w.lanes[p].position
							       : is_owned(w, p) && !is_clean(w, p))
				done = false;
		if (done) {
			World next = w;
			const char *broken = wrong(w);

			for (int p = 0; p < PARTITIONS; p++)
				if (w.owner[p] == OURS && w.committed[p] < w.lanes[p].position)
					broken = "a drain leaves work that is not committed";
			next.over = 1;
			found.add(next, "the drain ends", 0, STEP, broken);
		}
	}
};

int main(int count, char **words)
{
	const std::vector<Option> options = {{"records0", &config.records0}, {"records1", &config.records1},
		{"worker", &config.worker}, {"kills", &config.kills}, {"timeouts", &config.timeouts},
		{"aborts", &config.aborts}, {"rebalances", &config.rebalances}, {"recycles", &config.recycles},
		{"pauses", &config.pauses}, {"starts", &config.starts}, {"drain", &config.drain}, {"hands", &config.hands0},
		{"batch", &config.batch}, {"letter", &config.letter}, {"walk", &config.walk}, {"seed", &config.seed},
		{"most", &config.most}, {"show", &config.show}};
	ExactlyOnce model;
	Explorer<ExactlyOnce> explorer(model);

	if (!read_options(count, words, options, rules, &config.broken))
		return 64;
	return config.walk > 0 ? explorer.walk(uint64_t(config.seed), config.walk, 20, config.show)
			       : explorer.all(size_t(config.most) * 1000000, config.show);
}
