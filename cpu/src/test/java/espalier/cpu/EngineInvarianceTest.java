package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.EngineFault;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.checkpoint.ModelFolder;
import espalier.config.OptionReader;
import espalier.config.Options;
import espalier.engine.LocalEngine;
import espalier.golden.Answer;
import espalier.launch.EngineLoader;
import espalier.launch.LoadListener;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import jdk.jfr.consumer.RecordingStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The bundled model on the fast kernels: a request's tokens and the bits of its log-probabilities are the same alone and
 * among 32, whatever the cache holds, however the prompts are cut, with and without overlap, and for any number of threads.
 */
@Timeout(300)
class EngineInvarianceTest {
    private static final int REQUESTS = 32;
    private static final int VOCABULARY = 2000;
    private static final Path DEMO = Path.of(System.getProperty("espalier.root"), "models", "demo");

    @Test
    void anAnswerDoesNotDependOnWhoElseIsThere() throws InterruptedException {
        List<GenerateRequest> requests = requests();
        List<List<Answer.Scored>> alone = run(requests, Map.of("--max-running-requests", "1", "--cpu-threads", "1"), 1);
        assertThat(run(requests, Map.of("--cpu-threads", "2"), REQUESTS)).isEqualTo(alone);
        assertThat(run(requests, Map.of("--cpu-threads", "3", "--chunked-prefill-size", "7"), REQUESTS))
                .isEqualTo(alone);
        assertThat(run(requests, Map.of("--disable-radix-cache", "true", "--page-size", "16"), REQUESTS))
                .isEqualTo(alone);
        assertThat(run(requests, Map.of("--disable-overlap-schedule", "true", "--schedule-policy", "lpm"), REQUESTS))
                .isEqualTo(alone);
    }

    /**
     * The first test's runs are those of the best kernels here for bf16; each path has its own order of sums. AVX2 has none
     * for bf16, and where one sequence and many have different kernels those are for blocks.
     */
    @ParameterizedTest
    @CsvSource({"avx512, none", "vector, none", "avx2, int8", "latency, int4", "auto, int4"})
    void norWithAnyKernels(String kernels, String quantization) throws InterruptedException {
        List<GenerateRequest> requests = requests().subList(0, 12);
        var alike = Map.of("--cpu-kernels", kernels, "--quantization", quantization);
        var cut = new HashMap<>(alike);
        cut.put("--chunked-prefill-size", "50");
        List<List<Answer.Scored>> alone;
        try {
            alone = run(requests, alike, 1);
        } catch (EngineFault none) {
            assertThat(none).hasMessageStartingWith("--cpu-kernels " + kernels);
            System.out.println("EngineInvarianceTest: " + none.getMessage());
            return;
        }
        assertThat(run(requests, cut, REQUESTS)).isEqualTo(alone);
    }

    @Test
    void norOnARetractionOrAWarmCache() throws InterruptedException {
        List<GenerateRequest> requests = requests();
        List<List<Answer.Scored>> alone = run(requests, Map.of("--max-running-requests", "1"), 1);
        var tight = Map.of("--max-total-tokens", "700", "--schedule-conservativeness", "0.05");
        try (LocalEngine engine = engine(tight)) {
            assertThat(answers(engine, requests, REQUESTS)).isEqualTo(alone);
            assertThat(engine.load().retractions()).isPositive();
        }
        try (LocalEngine engine = engine(Map.of())) {
            answers(engine, requests, REQUESTS);
            assertThat(answers(engine, requests, REQUESTS)).isEqualTo(alone);
            assertThat(engine.load().cachedPromptTokens())
                    .isGreaterThan(engine.load().promptTokens() / 3);
        }
    }

    @Test
    void norOnAPrefixThatIsReadOnceForAll() throws InterruptedException {
        List<GenerateRequest> requests = behindOnePrefix();
        List<List<Answer.Scored>> alone = run(requests, Map.of("--max-running-requests", "1"), 1);
        assertThat(sharing(requests, Map.of("--cpu-threads", "2"), alone)).contains(requests.size());
        assertThat(sharing(requests, Map.of("--disable-cascade-attn", "true"), alone))
                .isNotEmpty()
                .containsOnly(0);
    }

    @Test
    void norWithWeightsThatWereQuantisedHoweverMuchIsCached() throws InterruptedException {
        List<GenerateRequest> requests = requests().subList(0, 8);
        for (String quantization : List.of("int8", "int4")) {
            for (String kernels : List.of("auto", "latency")) {
                var flags = new HashMap<>(Map.of("--quantization", quantization, "--cpu-kernels", kernels));
                List<List<Answer.Scored>> alone = run(requests, flags, 1);
                flags.put("--chunked-prefill-size", "50");
                flags.put("--cpu-threads", "3");
                try (LocalEngine engine = engine(flags)) {
                    assertThat(answers(engine, requests, REQUESTS)).isEqualTo(alone);
                    assertThat(answers(engine, requests, REQUESTS)).isEqualTo(alone);
                    assertThat(engine.load().cachedPromptTokens())
                            .isGreaterThan(engine.load().promptTokens() / 3);
                }
            }
        }
    }

    /** As many as make it worth the while: 320 positions for each but one are more than 4,096. */
    private static List<GenerateRequest> behindOnePrefix() {
        var random = new SplittableRandom(12);
        int[] shared = random.ints(320, 3, VOCABULARY).toArray();
        var requests = new ArrayList<GenerateRequest>();
        for (int i = 0; i < 16; i++) {
            int[] own = random.ints(1 + random.nextInt(30), 3, VOCABULARY).toArray();
            int[] prompt =
                    IntStream.concat(Arrays.stream(shared), Arrays.stream(own)).toArray();
            var params = SamplingParams.builder()
                    .maxNewTokens(12)
                    .ignoreEos(true)
                    .seed((long) i)
                    .logprobs(0);
            requests.add(new GenerateRequest("r" + i, Tokens.of(prompt), params.build()));
        }
        return requests;
    }

    /** How many sequences shared a read of their prefix in each step of requests that come when it is in the cache. */
    private static List<Integer> sharing(
            List<GenerateRequest> requests, Map<String, String> flags, List<List<Answer.Scored>> alone)
            throws InterruptedException {
        var sharing = new CopyOnWriteArrayList<Integer>();
        try (var recording = new RecordingStream();
                LocalEngine engine = engine(flags)) {
            recording.enable("espalier.Step");
            recording.onEvent("espalier.Step", event -> sharing.add(event.getInt("sharing")));
            recording.startAsync();
            answers(engine, requests.subList(0, 1), 1);
            assertThat(answers(engine, requests, REQUESTS)).isEqualTo(alone);
            recording.stop();
        }
        return sharing;
    }

    private static List<GenerateRequest> requests() {
        var random = new SplittableRandom(11);
        int[] shared = random.ints(90, 3, VOCABULARY).toArray();
        var requests = new ArrayList<GenerateRequest>();
        for (int i = 0; i < REQUESTS; i++) {
            int[] prompt = random.ints(20 + random.nextInt(120), 3, VOCABULARY).toArray();
            System.arraycopy(shared, 0, prompt, 0, Math.min(random.nextInt(91), prompt.length));
            var params = SamplingParams.builder()
                    .maxNewTokens(8 + random.nextInt(17))
                    .ignoreEos(true)
                    .temperature(i % 3 == 0 ? 0 : 0.9f)
                    .topP(i % 2 == 0 ? 1 : 0.9f)
                    .topK(i % 5 == 0 ? 20 : -1)
                    .frequencyPenalty(i % 4 == 0 ? 0.3f : 0)
                    .seed((long) i)
                    .logprobs(0);
            requests.add(new GenerateRequest("r" + i, Tokens.of(prompt), params.build()));
        }
        return requests;
    }

    private static List<List<Answer.Scored>> run(List<GenerateRequest> requests, Map<String, String> flags, int atOnce)
            throws InterruptedException {
        try (LocalEngine engine = engine(flags)) {
            return answers(engine, requests, atOnce);
        }
    }

    private static LocalEngine engine(Map<String, String> flags) {
        var typed = new HashMap<>(flags);
        typed.put("--device", "cpu");
        typed.putIfAbsent("--max-running-requests", String.valueOf(REQUESTS));
        typed.putIfAbsent("--max-total-tokens", "20000");
        Options options = OptionReader.read(Options.class, typed::get);
        return EngineLoader.load(options, ModelFolder.open(DEMO), LoadListener.SILENT)
                .engine();
    }

    private static List<List<Answer.Scored>> answers(LocalEngine engine, List<GenerateRequest> requests, int atOnce)
            throws InterruptedException {
        var answers = new ArrayList<List<Answer.Scored>>();
        for (int from = 0; from < requests.size(); from += atOnce) {
            var open = requests.subList(from, Math.min(requests.size(), from + atOnce)).stream()
                    .map(engine::submit)
                    .toList();
            for (Generation generation : open) {
                answers.add(Answer.of(generation).tokens());
            }
        }
        return answers;
    }
}
