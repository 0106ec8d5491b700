import com.fasterxml.jackson.databind.JsonNode;
import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelConsumerOptions.CommitMode;
import io.confluent.parallelconsumer.ParallelConsumerOptions.ProcessingOrder;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The same work with Confluent's Parallel Consumer, in the order of keys. Runs until SIGTERM. */
final class Parallel {
    private static final Duration COMMIT = Duration.ofSeconds(1);
    private static final Duration CLOSE = Duration.ofSeconds(20);

    private Parallel() {
    }

    private static KafkaProducer<byte[], byte[]> producer(JsonNode job) {
        Properties settings = Work.producerSettings(job);
        settings.put("bootstrap.servers", job.get("brokers").asText());
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    public static void main(String[] arguments) throws Exception {
        JsonNode job = Work.job(arguments);
        String output = job.get("output").asText();
        UnaryOperator<byte[]> handler = Work.handler(job.get("handler").asText());
        ParallelStreamProcessor<byte[], byte[]> processor =
            ParallelStreamProcessor.createEosStreamProcessor(
                ParallelConsumerOptions.<byte[], byte[]>builder()
                    .ordering(ProcessingOrder.KEY)
                    .maxConcurrency(job.get("concurrency").asInt())
                    .batchSize(job.get("batch").asInt())
                    .commitMode(CommitMode.PERIODIC_CONSUMER_ASYNCHRONOUS)
                    .commitInterval(COMMIT)
                    .consumer(Work.consumer(job, "read_uncommitted"))
                    .producer(producer(job))
                    .build());

        processor.subscribe(List.of(job.get("input").asText()));
        processor.pollAndProduceMany(context -> context.stream()
            .map(record -> record.getConsumerRecord())
            .map(record -> result(output, record, handler))
            .collect(Collectors.toList()));
        Work.atTheEnd(() -> processor.closeDrainFirst(CLOSE));
    }

    private static ProducerRecord<byte[], byte[]> result(String output,
        ConsumerRecord<byte[], byte[]> record, UnaryOperator<byte[]> handler) {
        return new ProducerRecord<>(output, null, record.timestamp(), record.key(),
            handler.apply(record.value()), record.headers());
    }
}
