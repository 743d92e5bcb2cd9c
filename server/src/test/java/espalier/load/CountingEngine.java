package espalier.load;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.Emission;
import espalier.api.Engine;
import espalier.api.EngineInfo;
import espalier.api.EngineLoad;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.api.Profile;
import java.io.OutputStream;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;

/** Answers with as many tokens as it is asked for, and fails prompts of one length. */
final class CountingEngine implements Engine {
    final ConcurrentLinkedQueue<Integer> prompts = new ConcurrentLinkedQueue<>();
    volatile int failing;
    volatile boolean profiling;

    @Override
    public Generation submit(GenerateRequest request) {
        int prompt = request.prompt().size();
        prompts.add(prompt);
        int most = request.sampling().maxNewTokens();
        return new Generation() {
            private int made;

            @Override
            public Emission next() {
                if (prompt == failing) {
                    return new Emission.Failed(1, new IllegalStateException("no room"));
                }
                return made++ < most
                        ? new Emission.Token(1, 5, null)
                        : new Emission.Done(1, Emission.FinishReason.LENGTH, null, prompt, 0, most);
            }

            @Override
            public void finish() {}

            @Override
            public void close() {}
        };
    }

    @Override
    public Profile profile(Profile.Steps steps) {
        assertThat(profiling).isFalse();
        profiling = true;
        return new Profile() {
            @Override
            public void stop() {
                profiling = false;
            }

            @Override
            public CompletableFuture<Void> ended() {
                return CompletableFuture.completedFuture(null);
            }

            @Override
            public int steps() {
                return 1;
            }

            @Override
            public double decodeBusyShare() {
                return 1;
            }

            @Override
            public Shares shares() {
                return new Shares(0.9, 0.05, 0.1);
            }

            @Override
            public void write(OutputStream to) {
                throw new UnsupportedOperationException();
            }
        };
    }

    @Override
    public EngineInfo info() {
        return new EngineInfo("fake", 1000, 2048, Set.of(), 1, 4096, 64);
    }

    @Override
    public EngineLoad load() {
        throw new UnsupportedOperationException();
    }

    @Override
    public boolean isHealthy() {
        return true;
    }

    @Override
    public boolean flushCache() {
        return true;
    }

    @Override
    public void close() {}
}
