package espalier.load;

import espalier.api.Engine;
import espalier.api.Profile;
import espalier.api.RequestRejected;
import espalier.base.Tokens;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/**
 * Benchmarks on demand, for a program that compares several engines and gives each a turn: figures taken minutes apart
 * on one machine differ by more than the engines do. The model stays loaded and its code compiled between turns.
 *
 * <p>A turn is a line of JSON with the lengths of some requests, {@code {"prompts":[512,16],"outputs":[1,20]}}. All of
 * them start at once, on random ids and an empty prefix cache, greedily and past any end token. The answer is a line:
 * {@code seconds} from the first submission to the last token, {@code first_seconds} to the last of the first tokens if
 * there were any, {@code output_tokens}, and {@code errors} if requests failed. A turn with {@code "profile":true} is also told the shares
 * of its time: {@code kernel_share}, {@code sampler_share}, {@code scheduler_share}.
 */
public final class Turns {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Engine engine;
    private final Random random = new Random(1);

    public Turns(Engine engine) {
        this.engine = engine;
    }

    /** Says that it is ready, then takes turns until the input ends. */
    public void run(BufferedReader in, PrintStream out) throws IOException, InterruptedException {
        say(out, Map.of("ready", "espalier"));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (!line.isBlank()) {
                JsonNode asked = JSON.readTree(line);
                say(out, asked.path("profile").asBoolean(false) ? profiled(asked) : turn(asked));
            }
        }
    }

    private Map<String, Object> profiled(JsonNode asked) throws InterruptedException {
        Profile profile = engine.profile(Profile.Steps.all());
        try {
            Map<String, Object> answer = turn(asked);
            profile.stop();
            answer.putAll(Benchmarks.shares(profile));
            return answer;
        } finally {
            profile.stop();
        }
    }

    private Map<String, Object> turn(JsonNode asked) throws InterruptedException {
        List<Workload.Item> items = items(asked.path("prompts"), asked.path("outputs"));
        engine.flushCache();
        var pace = new Pace(Double.POSITIVE_INFINITY, items.size(), 0);
        var answer = new LinkedHashMap<String, Object>();
        var outcomes = LoadRun.outcomes(new Workload("turn", items), pace, new EngineTarget(engine));
        long begun = outcomes.stream().mapToLong(Outcome::begun).min().orElse(0);
        answer.put(
                "seconds",
                seconds(outcomes.stream().mapToLong(Outcome::ended).max().orElse(begun) - begun));
        var served = outcomes.stream().filter(o -> o.error() == null).toList();
        served.stream()
                .mapToLong(o -> o.tokenTimes()[0])
                .max()
                .ifPresent(first -> answer.put("first_seconds", seconds(first - begun)));
        answer.put(
                "output_tokens",
                served.stream().mapToLong(Outcome::outputTokens).sum());
        if (served.size() < outcomes.size()) {
            answer.put(
                    "errors",
                    outcomes.stream()
                            .map(Outcome::error)
                            .filter(e -> e != null)
                            .distinct()
                            .toList());
        }
        return answer;
    }

    private List<Workload.Item> items(JsonNode prompts, JsonNode outputs) {
        if (prompts.isEmpty() || prompts.size() != outputs.size()) {
            throw RequestRejected.invalid("turn", "a turn names as many prompts as outputs, and at least one of each");
        }
        int vocabulary = engine.info().vocabSize();
        var items = new ArrayList<Workload.Item>();
        for (int i = 0; i < prompts.size(); i++) {
            int[] ids = random.ints(prompts.get(i).asInt(), 0, vocabulary).toArray();
            items.add(new Workload.Item(Tokens.of(ids), outputs.get(i).asInt()));
        }
        return items;
    }

    private static double seconds(long nanos) {
        return nanos / 1e9;
    }

    private static void say(PrintStream out, Map<String, Object> line) {
        out.println(JSON.writeValueAsString(line));
        out.flush();
    }
}
