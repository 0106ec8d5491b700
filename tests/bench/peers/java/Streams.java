import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.Properties;
import java.util.function.UnaryOperator;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;

/** The same work with Kafka Streams: mapValues, one thread. Runs until SIGTERM. */
final class Streams {
    private static final Duration CLOSE = Duration.ofSeconds(20);

    private Streams() {
    }

    private static Properties settings(JsonNode job) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, job.get("group").asText());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, job.get("brokers").asText());
        settings.put(StreamsConfig.STATE_DIR_CONFIG, job.get("folder").asText() + "/state");
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
            job.get("options").get("guarantee").asText());
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG,
            job.get("options").get("commit_ms").asInt());
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        Work.producerSettings(job).forEach((name, value) ->
            settings.put(StreamsConfig.producerPrefix((String) name), value));
        return settings;
    }

    public static void main(String[] arguments) throws Exception {
        JsonNode job = Work.job(arguments);
        UnaryOperator<byte[]> handler = Work.handler(job.get("handler").asText());
        StreamsBuilder builder = new StreamsBuilder();

        builder.stream(job.get("input").asText(),
                Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
            .mapValues(handler::apply)
            .to(job.get("output").asText(),
                Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
        KafkaStreams streams = new KafkaStreams(builder.build(), settings(job));
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
            return StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        Work.atTheEnd(() -> {
            if (!streams.close(CLOSE)) {
                throw new IllegalStateException("not closed within " + CLOSE);
            }
        });
        streams.start();
    }
}
