/* The nats sink: what was published counts as delivered when the server has answered a PING behind it, or when a
 * stream has it. */
#include "bruco-sink/kinds/nats.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "bruco-sink/failure_policy.h"
#include "bruco-sink/tickets.h"

enum {
	BATCH_BYTES = 8 << 20, /* a larger record is alone */
	BATCH_COUNT = 65536,
	LOOK_MS = 250
};

static const char *nats_refuse(void *state, const struct frame_record *record)
{
	return nats_unpublishable(state, record);
}

/* ---- batches to the thread and back */

static enum put_result nats_put(void *state, const struct frame_record *record, uint64_t ticket)
{
	struct nats_sink *nats = state;
	struct nats_batch *batch = &nats->filling;
	uint32_t length = frame_record_size(record, UINT32_MAX);

	if (nats->payload_max == 0 || nats->over || batch->count == BATCH_COUNT ||
		(batch->count > 0 && batch->frames.length + length > BATCH_BYTES))
		return PUT_FULL;
	if (batch->count == batch->capacity) {
		batch->capacity = batch->capacity == 0 ? 1024 : 2 * batch->capacity;
		batch->outputs = mem_grow(batch->outputs, batch->capacity, sizeof *batch->outputs);
	}
	batch->outputs[batch->count++] = (struct nats_output){.ticket = ticket, .at = batch->frames.length,
		.identity = nats_identity(nats, record, ticket, &batch->identities)};
	buf_reserve(&batch->frames, length);
	frame_record_write(batch->frames.data + batch->frames.length, record);
	batch->frames.length += length;
	page_count(nats->sink->page, COUNT_BYTES_OUT, length);
	return PUT_UNDER_WAY;
}

static enum batch_state state_of(struct nats_sink *nats)
{
	enum batch_state state;

	pthread_mutex_lock(&nats->lock);
	state = nats->state;
	pthread_mutex_unlock(&nats->lock);
	return state;
}

static void set_state(struct nats_sink *nats, enum batch_state state)
{
	pthread_mutex_lock(&nats->lock);
	nats->state = state;
	pthread_cond_signal(&nats->given);
	pthread_mutex_unlock(&nats->lock);
}

/* What has gathered meanwhile, if the thread has nothing. */
static void nats_flush(void *state)
{
	struct nats_sink *nats = state;
	struct nats_batch given = nats->filling;

	if (given.count == 0 || nats->over || state_of(nats) != BATCH_NONE)
		return;
	nats->filling = nats->sending;
	nats->sending = given;
	nats->settled = nats->taken = 0;
	set_state(nats, BATCH_GIVEN);
}

static void settle(struct nats_sink *nats, const struct nats_output *output)
{
	struct frame_record record;

	if (output->why == NULL) {
		ticket_delivered(nats->sink, output->ticket);
		return;
	}
	frame_read_own(nats->sending.frames.data + output->at, &record);
	failure_refused(nats->sink, output->ticket, &record, output->why);
}

/* A stream that takes no more for now holds back no acknowledgement of what it has. */
static void take_back(struct nats_sink *nats)
{
	enum batch_state state = state_of(nats);
	size_t settled = state == BATCH_DONE ? nats->sending.count : state == BATCH_GIVEN ? nats->settled : 0;

	for (; nats->taken < settled; nats->taken++)
		settle(nats, &nats->sending.outputs[nats->taken]);
	if (state != BATCH_DONE)
		return;
	nats->sending.count = nats->taken = 0;
	buf_reset(&nats->sending.frames);
	buf_reset(&nats->sending.identities);
	set_state(nats, BATCH_NONE);
}

/* What is not delivered by now never will be, and is never acknowledged. */
static void refused(struct nats_sink *nats)
{
	if (nats->over)
		return;
	if (!nats->sink->stage.ready)
		die(STATUS_REFUSED, "the NATS server at %.200s: %s", nats->client.servers, nats->client.why);
	log_error("the NATS server at %.200s: %s", nats->client.servers, nats->client.why);
	nats->over = true;
	nats->sink->under_way -= nats->filling.count + nats->sending.count - nats->taken;
	sink_fail(nats->sink, STATUS_REFUSED);
}

/* ---- the kind */

static void *nats_open(struct destination *destination)
{
	struct nats_sink *nats = mem_alloc(sizeof *nats);
	pthread_t thread;

	nats->destination = destination;
	nats->sink = destination->sink;
	pthread_mutex_init(&nats->lock, NULL);
	pthread_cond_init(&nats->given, NULL);
	nats_client_init(&nats->client, &destination->config->nats, false);
	if (pthread_create(&thread, NULL, nats_publish, nats) != 0)
		die(STATUS_TEMPFAIL, "cannot start a thread");
	pthread_detach(thread);
	return nats;
}

static int nats_descriptor(void *state)
{
	return ((struct nats_sink *)state)->client.event_fd;
}

static int nats_timeout(void *state)
{
	(void)state;
	return LOOK_MS;
}

static void nats_work(void *state)
{
	struct nats_sink *nats = state;
	bool is_refused = nats_client_work(&nats->client, nats->sink->config->max_wait_ms) == STATUS_REFUSED;

	take_back(nats);
	if (is_refused)
		refused(nats);
	else if (nats->payload_max > 0 && !nats->destination->ready)
		destination_ready(nats->destination);
}

const struct sink_kind kind_nats = {.name = "nats",
	.open = nats_open,
	.descriptor = nats_descriptor,
	.timeout = nats_timeout,
	.work = nats_work,
	.refuse = nats_refuse,
	.put = nats_put,
	.flush = nats_flush};
