/* Edits: a check of what was edited, and the next pipeline in the place of the one that runs. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "bruco/dev/dev.h"
#include "control/death_text.h"

/* Makes the topics of the configuration, and those that are shown known. True when there is one more
 * to show. */
static bool make_topics(struct dev *dev)
{
	struct local_output outputs[SHOW_TOPICS_MOST];
	size_t count = local_kafka_outputs(&dev->config, outputs, SHOW_TOPICS_MOST);
	const struct texts *topics = &dev->config.source.topics;
	bool more = false;

	for (size_t i = 0; i < count; i++) {
		broker_topic(&dev->broker, outputs[i].topic, outputs[i].partitions);
		more = show_add(&dev->show, outputs[i].topic, outputs[i].letters) || more;
	}
	for (size_t i = 0; i < topics->count; i++)
		broker_topic(&dev->broker, topics->items[i], 1);
	return more;
}

void dev_start_pipeline(struct dev *dev)
{
	const struct texts *topics = &dev->config.source.topics;
	unsigned number = dev->pipeline.number;
	char *group = pipeline_group(number), *next = pipeline_group(number + 1);

	if (make_topics(dev)) {
		show_stop(&dev->show);
		show_start(&dev->show, &dev->broker);
	}
	if (dev->feed.topic == NULL || strcmp(dev->feed.topic, topics->items[0]) != 0) {
		feed_stop(&dev->feed);
		feed_start(&dev->feed, dev->broker.address, topics->items[0], dev->options->keys);
	}
	for (size_t i = 0; number > 0 && i < topics->count; i++)
		broker_copy(&dev->broker, group, next, topics->items[i]);
	pipeline_start(&dev->pipeline, dev->broker.address, dev->options->path,
		&dev->config);
	free(group);
	free(next);
}

/* ---- edits */

void dev_look_at_edit(struct dev *dev)
{
	dev->edited_ms = -1;
	dev->check = pipeline_check(dev->options->path, &dev->config);
}

static void replace_pipeline(struct dev *dev)
{
	dev->replacing = true;
	if (dev->pipeline.pid > 0)
		kill(dev->pipeline.pid, SIGTERM);
	else
		dev_pipeline_ended(dev, 0);
}

void dev_edit_checked(struct dev *dev, int status)
{
	struct config next;
	struct buf notes = {0};

	dev->check = 0;
	if (dev->edited_ms >= 0 || dev->replacing || dev->phase > DEV_DRAINING)
		return; /* there is a later edit already */
	config_init(&next);
	config_origin_as(&next, &dev->config);
	if (status == 0 && dev->options->load(&next, dev->options->path, &notes) == 0) {
		config_release(&dev->config);
		dev->config = next;
		edits_watch(&dev->edits, dev->options->path, dev->config.processor.handler_path);
		replace_pipeline(dev);
	} else {
		config_release(&next);
		log_warning("the edit is not taken, %s",
			dev->pipeline.pid > 0 ? "the pipeline runs on as it was"
					      : "waiting for the next one");
	}
	buf_release(&notes);
}

/* ---- the pipeline's end */

static void unexpected_end(struct dev *dev, int death)
{
	char *text = death_text(death, false);

	dev->status = WIFEXITED(death) ? WEXITSTATUS(death) : STATUS_SOFTWARE;
	if (dev->terminal && dev->phase == DEV_RUNNING)
		log_warning("the pipeline has ended (status %d); an edit starts it again",
			dev->status);
	else if (!WIFEXITED(death))
		log_error("the pipeline died: %s", text);
	if (!dev->terminal || dev->phase == DEV_DRAINING)
		dev_stop_pipeline(dev);
	free(text);
}

void dev_pipeline_ended(struct dev *dev, int death)
{
	/* The stop came before it listened for one: it had not begun. */
	bool never_began = WIFSIGNALED(death) && WTERMSIG(death) == SIGTERM;

	pipeline_ended(&dev->pipeline);
	if (dev->phase >= DEV_STOPPING) {
		if (dev->status == STATUS_OK && !never_began)
			dev->status = WIFEXITED(death) ? WEXITSTATUS(death) : STATUS_TEMPFAIL;
		dev_stop_pipeline(dev);
	} else if (dev->replacing) {
		dev->replacing = false;
		dev->status = STATUS_OK;
		dev_start_pipeline(dev);
	} else {
		unexpected_end(dev, death);
	}
}
