/* The sink's side of a cut: what the source wants and says, in each order, and when it ends. */
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "bruco-sink/cut.h"
#include "control/messages.h"
#include "failing_sink.h"
#include "unit.h"

static int source; /* the other end of the link */
static struct page page;
static struct sink_kind kind;
static struct receive_lane lane; /* of a worker that lives; all is told of it */
static unsigned commits;

static void commit(void *state, const void *offsets, size_t length)
{
	(void)state;
	CHECK_INT((long long)length, 4);
	CHECK(memcmp(offsets, "here", 4) == 0);
	commits++;
}

static void begin(void)
{
	int ends[2];

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
	source = ends[1];
	commits = 0;
	kind = (struct sink_kind){.name = "test", .commit = commit};
	config = (struct config){.guarantee = GUARANTEE_EXACTLY_ONCE};
	config.sink.commit_interval_ms = 60000;
	lane = (struct receive_lane){.state = LANE_OPEN};
	sink = (struct sink){.config = &config,
		.link = ends[0],
		.page = &page,
		.lanes = &lane,
		.lane_count = 1,
		.out = {.kind = &kind}};
	cut_open(&sink);
}

static void end(void)
{
	fd_close(&sink.link);
	fd_close(&source);
}

/* The next message to the source; 0: there is none. */
static unsigned sent(void)
{
	struct message message;
	int fds[SOCK_FDS_MAX];
	size_t count, ack_count;
	const struct ack *acks;

	return message_receive(source, &message, fds, &count, &acks, &ack_count) > 0 ? message.type : 0;
}

static void answer(void)
{
	cut_answered(&sink, fd_memory("offsets", "here", 4));
}

/* A cut that the sink has asked for by itself, since it was due. */
static void begin_asking(void)
{
	begin();
	cut_took(&sink, 3, 100);
	sink.cut.due = 0;
	cut_work(&sink);
	CHECK_INT(sent(), MESSAGE_CUT);
}

TEST(what_was_taken_is_asked_for_and_committed_once)
{
	begin();
	cut_took(&sink, 3, 100);
	cut_work(&sink);
	CHECK_INT(sent(), 0); /* not due */
	cut_wanted(&sink);
	cut_work(&sink);
	CHECK_INT(sent(), MESSAGE_CUT);
	CHECK(cut_holds(&sink));
	answer();
	CHECK_INT(commits, 1);
	CHECK(!cut_is_idle(&sink));
	cut_committed(&sink);
	CHECK_INT(sent(), MESSAGE_COMMITTED);
	cut_work(&sink);
	CHECK_INT(sent(), 0);
	CHECK(cut_is_idle(&sink));
	end();
}

/* ---- when; the interval is a minute */

enum { MS = 1000000 };

/* Milliseconds until what is taken now is due: the last cut was asked for `ago_ms` ago, and commits take `takes_ms`. */
static int due_in(int64_t ago_ms, int64_t takes_ms, size_t bytes)
{
	int left;

	begin();
	sink.cut.asked_ns = clock_ns() - ago_ms * MS;
	sink.cut.takes_ns = takes_ms * MS;
	cut_took(&sink, 1, bytes);
	left = cut_timeout(&sink);
	end();
	return left;
}

static bool about(int is, int wanted)
{
	return is <= wanted && is > wanted - 5000;
}

TEST(a_cut_is_due_so_that_it_is_committed_an_interval_after_the_last)
{
	CHECK(about(due_in(0, 0, 100), 60000));
	CHECK(about(due_in(10000, 0, 100), 50000));
	CHECK(about(due_in(10000, 10000, 100), 40000));
	CHECK(about(due_in(30000, 30000, 100), 30000)); /* it gathers as long as a commit takes, */
	CHECK(about(due_in(50000, 50000, 100), 30000)); /* but for half of the interval at most */
}

TEST(what_comes_after_a_pause_waits_as_long_as_a_commit_takes)
{
	CHECK_INT(due_in(60000, 0, 100), 0);
	CHECK(about(due_in(600000, 10000, 100), 10000));
}

TEST(many_bytes_gather_for_all_of_the_interval)
{
	CHECK(about(due_in(600000, 10000, CUT_LARGE - 1), 10000));
	CHECK(about(due_in(600000, 10000, CUT_LARGE), 60000));
	CHECK(about(due_in(0, 0, CUT_LARGE), 60000));
}

TEST(how_long_commits_take_follows_the_last_ones)
{
	begin_asking();
	sink.cut.asked_ns = clock_ns() - 800LL * MS;
	answer();
	cut_committed(&sink);
	CHECK(sink.cut.takes_ns >= 100 * MS && sink.cut.takes_ns < 200 * MS);
	end();
}

/* The source wants a cut while the sink's own question is on its way: one answer is for both. */
TEST(a_wish_that_crosses_the_question_is_answered_with_it)
{
	begin_asking();
	cut_wanted(&sink);
	answer();
	cut_committed(&sink);
	CHECK_INT(sent(), MESSAGE_COMMITTED);
	cut_work(&sink);
	CHECK_INT(sent(), 0);
	CHECK(cut_is_idle(&sink));
	end();
}

/* What the source wants after its answer it did not know then. */
TEST(a_wish_behind_the_answer_is_another_cut)
{
	begin_asking();
	answer();
	cut_wanted(&sink);
	cut_committed(&sink);
	CHECK_INT(sent(), MESSAGE_COMMITTED);
	cut_work(&sink);
	CHECK_INT(sent(), MESSAGE_CUT);
	end();
}

TEST(a_source_that_has_ended_when_all_is_committed_is_no_failure)
{
	begin();
	cut_wanted(&sink);
	cut_work(&sink);
	CHECK_INT(sent(), MESSAGE_CUT);
	fd_close(&sink.link);
	cut_work(&sink);
	CHECK(!sink.cut.over);
	CHECK(cut_is_idle(&sink));
	end();
}

TEST(a_source_that_has_ended_before_the_commit_is_one)
{
	begin();
	cut_took(&sink, 3, 100);
	fd_close(&sink.link);
	cut_work(&sink);
	CHECK(sink.cut.over);
	end();
	begin_asking();
	answer();
	fd_close(&sink.link);
	cut_work(&sink);
	CHECK(sink.cut.over);
	end();
}

UNIT_MAIN
