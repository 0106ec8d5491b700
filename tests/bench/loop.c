/*
 * bench-loop: the least that Bruco's work can cost. One loop in one process consumes a topic, calls
 * the handler's Python function with a fresh bytearray and produces what it returns, with the
 * record's key, headers and timestamp, to another topic. It acknowledges nothing, commits nothing,
 * and what it holds is lost when it dies. Consumer and producer are set as Bruco's are: acks=all,
 * idempotence, the same linger.ms, queued.min.messages=1000000,
 * queued.max.messages.kbytes=262144.
 */
#include <Python.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "../kafka/client.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/status.h"

/* A batch is handed out when it is full or the time is up. */
enum { HEADERS_MAX = 256, BATCH_MAX = 256, POLL_MS = 1 };

static const char usage[] =
	"usage: bench-loop -b brokers [-f] [-l ms] [-d directory] [-m module] input output\n"
	"Prints: records, wall seconds, CPU seconds.\n"
	"  -b, --brokers BROKERS\n"
	"  -d, --directory DIR    the handler's folder (default: .)\n"
	"  -f, --follow           until SIGTERM, not to the input's present end\n"
	"  -l, --linger MS        the producer's linger.ms (default: 5)\n"
	"  -m, --module MODULE    the handler's module (default: handler)\n"
	"      --help\n"
	"      --version\n";

static const struct program program = {"bench-loop", usage, NULL};

struct loop {
	rd_kafka_t *producer;
	rd_kafka_topic_t *output;
	PyObject *function;
	PyObject *context;
	const char *linger;
	int64_t consumed, produced, delivered;
	rd_kafka_vu_t fields[6 + HEADERS_MAX];
};

static volatile sig_atomic_t told_to_end;

static void on_signal(int number)
{
	(void)number;
	told_to_end = 1;
}

static _Noreturn void python_failed(const char *what)
{
	if (PyErr_Occurred())
		PyErr_Print();
	die(STATUS_FAILED, "%s failed", what);
}

static PyObject *must(PyObject *object, const char *what)
{
	if (object == NULL)
		python_failed(what);
	return object;
}

/* The handler's context is an empty object of a class made here. */
static void load_handler(struct loop *loop, const char *directory, const char *module_name)
{
	PyObject *path, *module, *types, *init;

	Py_InitializeEx(0);
	path = must(PyUnicode_DecodeFSDefault(directory), "the folder's name");
	if (PyList_Insert(PySys_GetObject("path"), 0, path) < 0)
		python_failed("sys.path");
	module = must(PyImport_ImportModule(module_name), "import");
	loop->function = must(PyObject_GetAttrString(module, "handle_event"), "handle_event");
	types = must(PyImport_ImportModule("types"), "types");
	loop->context = must(PyObject_CallMethod(types, "SimpleNamespace", NULL), "context");
	init = PyObject_GetAttrString(module, "init_context");
	if (init == NULL)
		PyErr_Clear();
	else
		must(PyObject_CallOneArg(init, loop->context), "init_context");
}

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *context)
{
	struct loop *loop = context;

	(void)client;
	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
		die(STATUS_TEMPFAIL, "cannot deliver: %s", rd_kafka_err2str(message->err));
	loop->delivered++;
}

static size_t add_headers(struct loop *loop, size_t count, const rd_kafka_message_t *message)
{
	rd_kafka_headers_t *headers;

	if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return count;
	for (size_t i = 0; i < HEADERS_MAX; i++) {
		rd_kafka_vu_t *field = &loop->fields[count];
		const void *value;
		size_t length;

		if (rd_kafka_header_get_all(headers, i, &field->u.header.name, &value, &length) !=
			RD_KAFKA_RESP_ERR_NO_ERROR)
			break;
		field->vtype = RD_KAFKA_VTYPE_HEADER;
		field->u.header.val = value;
		field->u.header.size = (ssize_t)length;
		count++;
	}
	return count;
}

static void produce(
	struct loop *loop, const rd_kafka_message_t *message, const void *value, size_t length)
{
	rd_kafka_timestamp_type_t type;
	size_t count = 0;

	loop->fields[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = loop->output};
	loop->fields[count++] =
		(rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY};
	loop->fields[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TIMESTAMP,
		.u.i64 = rd_kafka_message_timestamp(message, &type)};
	loop->fields[count++] = (rd_kafka_vu_t){
		.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {message->key, message->key_len}};
	loop->fields[count++] = (rd_kafka_vu_t){
		.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(size_t)value, length}};
	count = add_headers(loop, count, message);
	for (;;) {
		rd_kafka_error_t *error = rd_kafka_produceva(loop->producer, loop->fields, count);

		if (error == NULL)
			break;
		if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			die(STATUS_TEMPFAIL, "cannot produce: %s", rd_kafka_error_string(error));
		rd_kafka_error_destroy(error);
		rd_kafka_poll(loop->producer, 10);
	}
	if (++loop->produced % 1024 == 0)
		rd_kafka_poll(loop->producer, 0);
}

static void handle(struct loop *loop, const rd_kafka_message_t *message)
{
	PyObject *data =
		must(PyByteArray_FromStringAndSize(message->payload, (Py_ssize_t)message->len),
			"bytearray");
	PyObject *arguments[] = {loop->context, data};
	PyObject *result = PyObject_Vectorcall(loop->function, arguments, 2, NULL);

	must(result, "handle_event");
	if (result == data && message->payload == NULL) {
		produce(loop, message, NULL, 0);
	} else if (PyByteArray_Check(result)) {
		produce(loop, message, PyByteArray_AS_STRING(result),
			(size_t)PyByteArray_GET_SIZE(result));
	} else if (PyBytes_Check(result)) {
		produce(loop, message, PyBytes_AS_STRING(result), (size_t)PyBytes_GET_SIZE(result));
	} else if (PyUnicode_Check(result)) {
		Py_ssize_t length;
		const char *text = PyUnicode_AsUTF8AndSize(result, &length);

		if (text == NULL)
			python_failed("UTF-8");
		produce(loop, message, text, (size_t)length);
	} else if (result != Py_None) {
		die(STATUS_FAILED, "the handler's result is neither bytes, text nor None");
	}
	Py_DECREF(result);
	Py_DECREF(data);
}

static void consume_one(void *context, const rd_kafka_message_t *message)
{
	struct loop *loop = context;

	loop->consumed++;
	handle(loop, message);
}

static void follow(struct loop *loop, const char *brokers, const char *input)
{
	rd_kafka_conf_t *conf = client_consumer_conf(brokers);
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_queue_t *queue;
	rd_kafka_t *client;
	int partitions;

	client_set(conf, "enable.partition.eof", "false");
	client = client_new(RD_KAFKA_CONSUMER, conf);
	partitions = client_partitions(client, input);
	list = rd_kafka_topic_partition_list_new(partitions);
	for (int i = 0; i < partitions; i++)
		rd_kafka_topic_partition_list_add(list, input, i)->offset =
			RD_KAFKA_OFFSET_BEGINNING;
	rd_kafka_assign(client, list);
	rd_kafka_topic_partition_list_destroy(list);
	queue = rd_kafka_queue_get_consumer(client);
	while (!told_to_end) {
		rd_kafka_message_t *batch[BATCH_MAX];
		ssize_t count = rd_kafka_consume_batch_queue(queue, POLL_MS, batch, BATCH_MAX);

		for (ssize_t i = 0; i < count; i++) {
			if (batch[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR)
				consume_one(loop, batch[i]);
			rd_kafka_message_destroy(batch[i]);
		}
		rd_kafka_poll(loop->producer, 0);
	}
	rd_kafka_queue_destroy(queue);
	rd_kafka_consumer_close(client);
	rd_kafka_destroy(client);
}

static double cpu_seconds(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void run(struct loop *loop, const char *brokers, const char *input, const char *output,
	bool following)
{
	rd_kafka_conf_t *conf = client_producer_conf(brokers);

	client_set(conf, "linger.ms", loop->linger);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rd_kafka_conf_set_opaque(conf, loop);
	loop->producer = client_new(RD_KAFKA_PRODUCER, conf);
	client_partitions(loop->producer, output); /* known before the first record comes */
	loop->output = rd_kafka_topic_new(loop->producer, output, NULL);
	if (following)
		follow(loop, brokers, input);
	else
		client_read(brokers, input, consume_one, loop);
	rd_kafka_flush(loop->producer, 60000);
	if (loop->delivered != loop->produced)
		die(STATUS_TEMPFAIL, "only %lld of %lld records were delivered",
			(long long)loop->delivered, (long long)loop->produced);
	rd_kafka_topic_destroy(loop->output);
	rd_kafka_destroy(loop->producer);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {OPTIONS_COMMON,
		{"brokers", required_argument, NULL, 'b'},
		{"directory", required_argument, NULL, 'd'}, {"follow", no_argument, NULL, 'f'},
		{"linger", required_argument, NULL, 'l'}, {"module", required_argument, NULL, 'm'},
		{0}};
	const char *brokers = NULL, *directory = ".", *module = "handler";
	int64_t begun = clock_ns();
	struct loop loop = {.linger = "5"};
	bool following = false;
	int option;

	log_init(program.name);
	while ((option = getopt_long(argc, argv, "qvb:d:fl:m:", options, NULL)) != -1) {
		if (option == 'b')
			brokers = optarg;
		else if (option == 'd')
			directory = optarg;
		else if (option == 'f')
			following = true;
		else if (option == 'l')
			loop.linger = optarg;
		else if (option == 'm')
			module = optarg;
		else
			options_common(&program, option);
	}
	if (brokers == NULL || argc - optind != 2)
		options_misuse(&program, "brokers, an input and an output topic are needed");
	sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_signal}, NULL);
	load_handler(&loop, directory, module);
	run(&loop, brokers, argv[optind], argv[optind + 1], following);
	printf("%lld %.3f %.3f\n", (long long)loop.consumed, (double)(clock_ns() - begun) / 1e9,
		cpu_seconds());
	return STATUS_OK;
}
