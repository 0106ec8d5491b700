import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.function.UnaryOperator;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * The loop of Kafka's own copier for its system tests (TransactionalMessageCopier), which is in no
 * published jar: consume, produce, send the offsets to the transaction, commit. It commits after a
 * time, not after a count of records. Runs until SIGTERM.
 */
final class Copier {
    private static final Duration POLL = Duration.ofMillis(10);

    private final KafkaConsumer<byte[], byte[]> consumer;
    private final KafkaProducer<byte[], byte[]> producer;
    private final UnaryOperator<byte[]> handler;
    private final String output;
    private final long commitNanos;
    private final Map<TopicPartition, OffsetAndMetadata> done = new HashMap<>();
    private final CountDownLatch ended = new CountDownLatch(1);
    private volatile boolean asked;

    private Copier(JsonNode job) {
        consumer = Work.consumer(job, "read_committed");
        producer = producer(job);
        handler = Work.handler(job.get("handler").asText());
        output = job.get("output").asText();
        commitNanos = Duration.ofMillis(job.get("options").get("commit_ms").asLong()).toNanos();
    }

    private static KafkaProducer<byte[], byte[]> producer(JsonNode job) {
        Properties settings = Work.producerSettings(job);
        settings.put("bootstrap.servers", job.get("brokers").asText());
        settings.put("transactional.id", job.get("group").asText());
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    public static void main(String[] arguments) throws Exception {
        JsonNode job = Work.job(arguments);
        Copier copier = new Copier(job);

        Work.atTheEnd(copier::end);
        copier.run(job.get("input").asText());
    }

    private void run(String input) {
        try {
            producer.initTransactions();
            consumer.subscribe(List.of(input));
            while (!asked) {
                transaction();
            }
            producer.close();
            consumer.close();
            ended.countDown();
        } catch (RuntimeException error) {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }

    private void end() {
        asked = true;
        try {
            ended.await();
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }

    /** From the first record on for as long as the commits are apart. */
    private void transaction() {
        long due = 0;

        while (!asked && (done.isEmpty() || System.nanoTime() - due < 0)) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                if (done.isEmpty()) {
                    producer.beginTransaction();
                    due = System.nanoTime() + commitNanos;
                }
                producer.send(new ProducerRecord<>(output, null, record.timestamp(), record.key(),
                    handler.apply(record.value()), record.headers()));
                done.put(new TopicPartition(record.topic(), record.partition()),
                    new OffsetAndMetadata(record.offset() + 1));
            }
        }
        if (!done.isEmpty()) {
            producer.sendOffsetsToTransaction(done, consumer.groupMetadata());
            producer.commitTransaction();
            done.clear();
        }
    }
}
