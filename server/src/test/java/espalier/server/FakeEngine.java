package espalier.server;

import espalier.api.Emission.FinishReason;
import espalier.api.Engine;
import espalier.api.EngineInfo;
import espalier.api.EngineLoad;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.api.Profile;
import espalier.api.RequestRejected;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.chat.Completion;
import espalier.chat.ModelCard;
import espalier.chat.Prompt;
import espalier.chat.TextEngine;
import espalier.chat.TextRequest;
import espalier.text.Tokenizer;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/** A text engine whose answers a test writes: {@link #script} is called with every request, on a thread of its own. */
final class FakeEngine implements TextEngine, Engine {
    static final int CONTEXT = 2048;
    static final int VOCAB = 1000;

    /** Answers every choice with {@code Hello wörld}, in two tokens, and stops at id 2. */
    static final Consumer<FakeCompletion> HELLO = c -> {
        for (int choice = 0; choice < c.request.choices(); choice++) {
            c.say(choice, 11, "Hello");
            c.say(choice, 12, " wörld");
            c.finish(choice, FinishReason.STOP, 2);
        }
    };

    /** Says nothing until it is cancelled, as a request in the queue does. */
    static final Consumer<FakeCompletion> SILENT = _ -> {};

    volatile Consumer<FakeCompletion> script = HELLO;
    private final Tokenizer tokenizer = FakeTokenizer.create();
    volatile boolean healthy = true;
    volatile boolean idle = true;
    volatile int running;
    volatile int waiting;

    /** Steps completed: one a token. */
    final AtomicLong steps = new AtomicLong();

    volatile RuntimeException refusal;
    volatile Error broken;

    /** Names that it has seen: an engine frees them late, and this one never. */
    private final Set<String> names = ConcurrentHashMap.newKeySet();

    volatile int mostAccepted = Integer.MAX_VALUE;

    /** Every request that was accepted, in order. */
    final BlockingQueue<FakeCompletion> started = new LinkedBlockingQueue<>();

    final List<Profile> profiles = new CopyOnWriteArrayList<>();

    /** A profile of no steps, which ends when it is stopped. */
    @Override
    public Profile profile(Profile.Steps steps) {
        var ended = new CompletableFuture<Void>();
        Profile profile = new Profile() {
            @Override
            public void stop() {
                ended.complete(null);
            }

            @Override
            public CompletableFuture<Void> ended() {
                return ended;
            }

            @Override
            public int steps() {
                return 0;
            }

            @Override
            public Shares shares() {
                return new Shares(0.9, 0.05, 0.1);
            }

            @Override
            public double decodeBusyShare() {
                return Double.NaN;
            }

            @Override
            public void write(OutputStream to) throws IOException {
                to.write(("{\"traceEvents\": [], \"asked\": \"" + steps + "\"}").getBytes(StandardCharsets.UTF_8));
            }
        };
        profiles.add(profile);
        return profile;
    }

    /** Behaves as a fresh one again. */
    void forget() {
        script = HELLO;
        refusal = null;
        broken = null;
        mostAccepted = Integer.MAX_VALUE;
        started.clear();
    }

    @Override
    public ModelCard card() {
        return new ModelCard(
                "demo", "models/demo", "models/demo", List.of("Qwen3ForCausalLM"), "qwen3", true, 1_700_000_000);
    }

    @Override
    public Completion start(TextRequest request) {
        RuntimeException no = refusal;
        if (no != null) {
            throw no;
        }
        Error defect = broken;
        if (defect != null) {
            throw defect;
        }
        if (!names.add(request.rid())) {
            throw RequestRejected.invalid("rid", "Duplicate request ID detected: " + request.rid());
        }
        if (started.size() >= mostAccepted) {
            throw new RequestRejected(RequestRejected.Code.OVERLOADED, "The queue is full", null);
        }
        var completion = new FakeCompletion(request, steps::incrementAndGet);
        started.add(completion);
        Consumer<FakeCompletion> now = script;
        Thread.ofVirtual().start(() -> now.accept(completion));
        return completion;
    }

    /** One id a word. */
    @Override
    public Tokens promptIds(Prompt prompt) {
        return switch (prompt) {
            case Prompt.Text t -> Tokens.of(new int[t.text().split(" ").length]);
            case Prompt.Ids i -> i.ids();
            case Prompt.Chat c -> Tokens.of(new int[c.prompt().messages().size()]);
        };
    }

    @Override
    public SamplingParams.Builder samplingDefaults() {
        return SamplingParams.builder().temperature(0.7f);
    }

    @Override
    public Tokenizer tokenizer() {
        return tokenizer;
    }

    @Override
    public Engine engine() {
        return this;
    }

    @Override
    public Generation submit(GenerateRequest request) {
        throw new UnsupportedOperationException("the server speaks to the text path");
    }

    @Override
    public EngineInfo info() {
        return new EngineInfo("fake", VOCAB, CONTEXT, Set.of(2), 1, 100_000, 16);
    }

    @Override
    public EngineLoad load() {
        return new EngineLoad(running, waiting, 30L * waiting, 500, 250, 12.5, 1000, 400, 77, 10, 1, 4, steps.get());
    }

    @Override
    public boolean isHealthy() {
        return healthy;
    }

    @Override
    public boolean flushCache() {
        return idle;
    }

    @Override
    public void close() {}
}
