#include "bruco-sink/kinds/kafka_transaction.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "bruco-sink/cut.h"
#include "bruco-sink/kinds/kafka.h"
#include "kafka/cut.h"

enum {
	INIT_MS = 2000,  /* one try */
	ABORT_MS = 1500, /* less than the driver gives a sink to end */
	CLUSTER_MS = 5000,
	REMAINING = -1 /* of the transaction's time */
};

enum step { STEP_NONE, STEP_OFFSETS, STEP_COMMIT };

struct outcome {
	enum step failed; /* STEP_NONE: it is committed */
	bool repeated;    /* perhaps: a request of it was sent twice */
	rd_kafka_resp_err_t error;
	char text[512];
};

struct kafka_transaction {
	struct kafka_sink *kafka;
	bool ready;  /* init has succeeded */
	bool open;   /* begun, and neither committed nor aborted */
	bool same_cluster; /* as the source's: that was looked at */
	_Atomic bool fatal; /* the client has had its last error */
	_Atomic unsigned closed; /* connections, so far */

	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t wake;
	bool busy;            /* the thread commits `cut` */
	bool done;            /* and has done so: */
	struct kafka_cut cut;
	struct outcome outcome;
	rd_kafka_resp_err_t refusal; /* of the first record that was not delivered; 0: all are */
	char topic[256];             /* where it was to go */
};

static const char *id_of(const struct kafka_transaction *transaction)
{
	return transaction->kafka->sink->config->sink.transactional_id;
}

/* ---- the thread */

static bool note(struct outcome *outcome, enum step step, rd_kafka_t *client, rd_kafka_error_t *error)
{
	if (error == NULL)
		return true;
	outcome->failed = step;
	outcome->error = rd_kafka_error_code(error);
	snprintf(outcome->text, sizeof outcome->text, "%s", rd_kafka_error_string(error));
	if (rd_kafka_error_is_fatal(error))
		outcome->error = rd_kafka_fatal_error(client, outcome->text, sizeof outcome->text);
	rd_kafka_error_destroy(error);
	return false;
}

static struct outcome commit(rd_kafka_t *client, const struct kafka_cut *cut)
{
	struct outcome outcome = {0};

	if (cut->offsets->cnt == 0 ||
		note(&outcome, STEP_OFFSETS, client,
			rd_kafka_send_offsets_to_transaction(client, cut->offsets, cut->member, REMAINING)))
		note(&outcome, STEP_COMMIT, client, rd_kafka_commit_transaction(client, REMAINING));
	return outcome;
}

static void *run(void *argument)
{
	struct kafka_transaction *transaction = argument;

	pthread_mutex_lock(&transaction->lock);
	for (;;) {
		struct outcome outcome;
		unsigned closed;

		while (!transaction->busy || transaction->done)
			pthread_cond_wait(&transaction->wake, &transaction->lock);
		pthread_mutex_unlock(&transaction->lock);
		closed = transaction->closed;
		outcome = commit(transaction->kafka->client, &transaction->cut);
		outcome.repeated = transaction->closed != closed;
		pthread_mutex_lock(&transaction->lock);
		transaction->outcome = outcome;
		transaction->done = true;
		eventfd_write(transaction->kafka->event_fd, 1);
	}
	return NULL;
}

struct kafka_transaction *kafka_transaction_new(struct kafka_sink *kafka)
{
	struct kafka_transaction *transaction = mem_alloc(sizeof *transaction);

	*transaction = (struct kafka_transaction){.kafka = kafka};
	pthread_mutex_init(&transaction->lock, NULL);
	pthread_cond_init(&transaction->wake, NULL);
	return transaction;
}

/* ---- what goes wrong */

static bool is_fenced(rd_kafka_resp_err_t error)
{
	return error == RD_KAFKA_RESP_ERR__FENCED || error == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
	       error == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH ||
	       error == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING;
}

/* The group goes on without this member, or with it as another one. */
static bool is_of_group(rd_kafka_resp_err_t error)
{
	return error == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION || error == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
	       error == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ||
	       error == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
}

/* A line about the error; the status to end with. */
static int tell(struct kafka_transaction *transaction, rd_kafka_resp_err_t error, const char *text)
{
	const struct kafka_sink *kafka = transaction->kafka;
	int status = kafka_error_status(error);

	if (error == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
		log_error("cannot commit in a transaction: %s (consumer group '%s') (%s)", rd_kafka_err2str(error),
			transaction->cut.group == NULL ? "" : transaction->cut.group, kafka->health.whom);
	else if (status == STATUS_REFUSED)
		log_error("cannot produce in transactions: %s (transactionalId '%s') (%s)", rd_kafka_err2str(error),
			id_of(transaction), kafka->health.whom);
	else if (is_fenced(error))
		log_error("fenced: the transaction has timed out (transaction.timeout.ms), or another instance has "
			  "the transactionalId '%s'",
			id_of(transaction));
	else if (is_of_group(error))
		log_warning("the assignment has changed: what is in the transaction is not committed (%s)",
			rd_kafka_err2str(error));
	else
		log_error("cannot commit a transaction: %s", text);
	return status == STATUS_OK ? STATUS_TEMPFAIL : status;
}

/* The first failure is the one that is told; the others follow from it. */
static void fail(struct kafka_transaction *transaction, rd_kafka_resp_err_t error, const char *text)
{
	struct sink *sink = transaction->kafka->sink;
	int status = STATUS_TEMPFAIL;

	if (sink->status == STATUS_OK)
		status = tell(transaction, error, text);
	cut_failed(sink);
	sink_fail(sink, status);
}

/* A batch is refused as a whole, and with it the transaction. */
static void fail_delivery(struct kafka_transaction *transaction)
{
	struct sink *sink = transaction->kafka->sink;
	const char *why = kafka_refusal(transaction->refusal);

	if (why == NULL || sink->status != STATUS_OK) {
		if (sink->status == STATUS_OK)
			log_error("cannot produce to '%s': %s", transaction->topic,
				rd_kafka_err2str(transaction->refusal));
		cut_failed(sink);
		sink_fail(sink, kafka_error_status(transaction->refusal) != STATUS_OK
					? kafka_error_status(transaction->refusal)
					: STATUS_TEMPFAIL);
		return;
	}
	log_error("the broker refuses a record for '%s', and with it the transaction: %s", transaction->topic, why);
	cut_failed(sink);
	sink_fail(sink, STATUS_FAILED);
}

void kafka_transaction_not_delivered(
	struct kafka_transaction *transaction, const rd_kafka_message_t *message)
{
	pthread_mutex_lock(&transaction->lock);
	/* Others are purged because of the first one. */
	if (transaction->refusal == RD_KAFKA_RESP_ERR_NO_ERROR &&
		message->err != RD_KAFKA_RESP_ERR__PURGE_QUEUE &&
		message->err != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
		transaction->refusal = message->err;
		snprintf(transaction->topic, sizeof transaction->topic, "%s",
			rd_kafka_topic_name(message->rkt));
		eventfd_write(transaction->kafka->event_fd, 1);
	}
	pthread_mutex_unlock(&transaction->lock);
}

void kafka_transaction_fatal(struct kafka_transaction *transaction)
{
	transaction->fatal = true;
	eventfd_write(transaction->kafka->event_fd, 1);
}

void kafka_transaction_closed(struct kafka_transaction *transaction)
{
	transaction->closed++;
}

static void fail_fatal(struct kafka_transaction *transaction)
{
	char text[512] = "";
	rd_kafka_resp_err_t error = rd_kafka_fatal_error(transaction->kafka->client, text, sizeof text);

	fail(transaction, error, text);
}

/* ---- from the loop */

bool kafka_transaction_init(struct kafka_transaction *transaction)
{
	struct outcome outcome = {0};
	rd_kafka_t *client = transaction->kafka->client;
	rd_kafka_error_t *error;

	if (transaction->ready)
		return true;
	error = rd_kafka_init_transactions(client, INIT_MS);
	if (error != NULL && rd_kafka_error_is_retriable(error)) {
		log_debug("transactions can't begin yet: %s", rd_kafka_error_string(error));
		rd_kafka_error_destroy(error);
		return false;
	}
	if (!note(&outcome, STEP_COMMIT, client, error))
		_exit(tell(transaction, outcome.error, outcome.text)); /* nothing is under way yet */
	if (pthread_create(&transaction->thread, NULL, run, transaction) != 0)
		die(STATUS_TEMPFAIL, "cannot start a thread for transactions");
	log_debug("transactionalId '%s'", id_of(transaction));
	transaction->ready = true;
	return true;
}

bool kafka_transaction_begin(struct kafka_transaction *transaction)
{
	struct outcome outcome = {0};

	if (transaction->open)
		return true;
	if (!note(&outcome, STEP_COMMIT, transaction->kafka->client,
		    rd_kafka_begin_transaction(transaction->kafka->client))) {
		fail(transaction, outcome.error, outcome.text);
		return false;
	}
	transaction->open = true;
	return true;
}

/* A group of one cluster says nothing about one of the same name in another. */
static void check_cluster(struct kafka_transaction *transaction)
{
	const char *sources = transaction->cut.cluster;
	rd_kafka_t *client = transaction->kafka->client;
	char *own;

	if (transaction->same_cluster || sources[0] == '\0')
		return;
	own = rd_kafka_clusterid(client, CLUSTER_MS);
	if (own == NULL)
		return;
	if (strcmp(own, sources) != 0)
		die(STATUS_CONFIG,
			"source and sink are in different clusters, '%s' and '%s': a transaction is one cluster's, so "
			"that there is no 'processingGuarantee: exactlyOnce' between them",
			sources, own);
	rd_kafka_mem_free(client, own);
	transaction->same_cluster = true;
}

void kafka_transaction_commit(struct kafka_transaction *transaction, const void *offsets, size_t length)
{
	struct sink *sink = transaction->kafka->sink;

	kafka_cut_release(&transaction->cut);
	if (!kafka_cut_read(&transaction->cut, offsets, length))
		die(STATUS_SOFTWARE, "the source's offsets are unreadable");
	check_cluster(transaction);
	if (transaction->cut.offsets->cnt == 0 && !transaction->open) {
		cut_committed(sink); /* nothing is to be */
		return;
	}
	if (transaction->cut.offsets->cnt == 0) {
		log_warning("records of the transaction are of partitions that were given up: they are not committed");
		cut_failed(sink);
		sink_fail(sink, STATUS_TEMPFAIL);
		return;
	}
	if (!kafka_transaction_begin(transaction))
		return;
	pthread_mutex_lock(&transaction->lock);
	transaction->busy = true;
	pthread_cond_signal(&transaction->wake);
	pthread_mutex_unlock(&transaction->lock);
}

/* Whether the thread has ended a commit, and how. */
static bool take_outcome(struct kafka_transaction *transaction, struct outcome *outcome)
{
	bool done;

	pthread_mutex_lock(&transaction->lock);
	done = transaction->done;
	*outcome = transaction->outcome;
	if (done)
		transaction->busy = transaction->done = false;
	pthread_mutex_unlock(&transaction->lock);
	return done;
}

static bool any_refused(struct kafka_transaction *transaction)
{
	bool refused;

	pthread_mutex_lock(&transaction->lock);
	refused = transaction->refusal != RD_KAFKA_RESP_ERR_NO_ERROR;
	pthread_mutex_unlock(&transaction->lock);
	return refused;
}

/* The client sends the requests of a commit again when their connection has gone. If the first ones were only
 * late, they would be taken for the next transaction's, and end it in its midst. Those of a producer whose
 * successor has called init_transactions are refused. */
static void end_producer(struct kafka_transaction *transaction)
{
	struct sink *sink = transaction->kafka->sink;

	log_warning("a connection was lost during a commit, which has succeeded: the sink begins anew, so that "
		    "nothing of it can arrive in the next transaction");
	cut_failed(sink);
	sink_fail(sink, STATUS_TEMPFAIL);
}

void kafka_transaction_work(struct kafka_transaction *transaction)
{
	struct outcome outcome;
	bool done = take_outcome(transaction, &outcome);

	if (done && outcome.failed == STEP_NONE) {
		transaction->open = false;
		kafka_health_good(&transaction->kafka->health);
		cut_committed(transaction->kafka->sink);
		if (outcome.repeated)
			end_producer(transaction);
	} else if (transaction->fatal) {
		fail_fatal(transaction);
	} else if (any_refused(transaction)) {
		fail_delivery(transaction);
	} else if (done) {
		fail(transaction, outcome.error, outcome.text);
	}
}

void kafka_transaction_broken(struct kafka_transaction *transaction)
{
	if (!transaction->fatal && !any_refused(transaction)) /* or work() says more */
		fail(transaction, RD_KAFKA_RESP_ERR__STATE, "it has failed already");
}

/* A commit that can't succeed any more ends soon, and nothing is aborted before. False: it goes on. */
static bool await_thread(struct kafka_transaction *transaction)
{
	int64_t deadline = clock_ms() + ABORT_MS;
	bool busy = true;

	while (busy && clock_ms() < deadline) {
		pthread_mutex_lock(&transaction->lock);
		busy = transaction->busy && !transaction->done;
		pthread_mutex_unlock(&transaction->lock);
		if (busy)
			poll(NULL, 0, 5);
	}
	return !busy;
}

void kafka_transaction_abort(struct kafka_transaction *transaction)
{
	rd_kafka_error_t *error;

	page_count(transaction->kafka->sink->page, COUNT_ABORTED, 1);
	if (!transaction->open || transaction->fatal || !await_thread(transaction))
		return;
	error = rd_kafka_abort_transaction(transaction->kafka->client, ABORT_MS);
	if (error == NULL)
		return;
	log_debug("the transaction is left to the broker: %s", rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
}
