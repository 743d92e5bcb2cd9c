package espalier.engine;

import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.Emission;
import espalier.api.EngineInfo;
import espalier.api.GenerateRequest;
import espalier.api.Generation;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.exec.FakeExecutor;
import espalier.exec.FakeModel;
import espalier.sched.Limits;
import espalier.sched.Scheduler;
import espalier.sched.Strategy;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LocalEngineTest {
    private static final int VOCAB = 50;
    private static final Set<Integer> END = Set.of(7);

    private static LocalEngine engine(FakeExecutor executor) {
        var limits = Limits.of(64, 4, 4, 128);
        var info = new EngineInfo("fake", VOCAB, 128, END, 4, 256, 4);
        return LocalEngine.start(new Scheduler(limits, Strategy.standard(), END), executor, info, LoopOptions.of(1));
    }

    private static List<Integer> tokens(Generation generation) throws InterruptedException {
        var tokens = new ArrayList<Integer>();
        while (generation.next() instanceof Emission.Token t) {
            tokens.add(t.id());
        }
        return tokens;
    }

    @Test
    void answersAsTheModelDoes() throws InterruptedException {
        var params = SamplingParams.builder().maxNewTokens(20).seed(3L).build();
        var request = new GenerateRequest("a", Tokens.of(1, 2, 3, 4, 5, 6), params);
        try (var engine = engine(new FakeExecutor(64, 4, 4, VOCAB, 1));
                var generation = engine.submit(request)) {
            assertThat(tokens(generation))
                    .isEqualTo(
                            FakeModel.answer(request, 3, null, END, VOCAB, 20).tokens());
        }
    }
}
