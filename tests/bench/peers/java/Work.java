import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Properties;
import java.util.function.UnaryOperator;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** What the contenders on the JVM share: the job, the handlers, the end. */
final class Work {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private Work() {
    }

    /** The job, from the one argument: see Job in contender.py. */
    static JsonNode job(String[] arguments) throws IOException {
        return MAPPER.readTree(arguments[0]);
    }

    /** The handler of that name: the same work as the Python module's. */
    static UnaryOperator<byte[]> handler(String name) {
        switch (name) {
        case "identity":
            return value -> value;
        case "json_change":
            return Work::changeJson;
        case "wait":
            return Work::waitOneMillisecond;
        default:
            throw new IllegalArgumentException("no handler is called '" + name + "'");
        }
    }

    private static byte[] changeJson(byte[] value) {
        try {
            ObjectNode event = (ObjectNode) MAPPER.readTree(value);
            event.put("seen", true);
            return MAPPER.writeValueAsBytes(event);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static byte[] waitOneMillisecond(byte[] value) {
        try {
            Thread.sleep(1);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(error);
        }
        return value;
    }

    /** A consumer in the job's group, from the earliest on, that commits nothing by itself. */
    static KafkaConsumer<byte[], byte[]> consumer(JsonNode job, String isolation) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", job.get("brokers").asText());
        settings.put("group.id", job.get("group").asText());
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", "false");
        settings.put("isolation.level", isolation);
        return new KafkaConsumer<>(settings, new ByteArrayDeserializer(),
            new ByteArrayDeserializer());
    }

    /** What all producers are set to. */
    static Properties producerSettings(JsonNode job) {
        Properties settings = new Properties();
        settings.put("acks", "all");
        settings.put("enable.idempotence", "true");
        settings.put("linger.ms", job.get("linger_ms").asText());
        return settings;
    }

    /**
     * Does `close` at SIGTERM, and ends with status 0 when that succeeded; a JVM by itself ends
     * with 143.
     */
    static void atTheEnd(Runnable close) {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                close.run();
            } catch (RuntimeException error) {
                error.printStackTrace();
                Runtime.getRuntime().halt(1);
            }
            Runtime.getRuntime().halt(0);
        }));
    }
}
