package espalier.exec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import espalier.api.EngineFault;
import espalier.base.Tokens;
import espalier.checkpoint.Checkpoint;
import espalier.checkpoint.ModelFolder;
import espalier.exec.PlanDriver.Sequence;
import espalier.golden.DecoderRun;
import espalier.golden.GoldenModels;
import espalier.step.SamplingBatch;
import espalier.step.StepPlan;
import espalier.step.StepPlan.Chunk;
import espalier.step.StepPlan.Input;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.host.ThreadRanks;
import espalier.tensor.reference.ReferenceDevice;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class RankedExecutorTest {
    private static final Runnable NOTHING = () -> {};

    @Test
    void stepsAheadOverReusedSeatsAndPagesChooseWhatWholeForwardPassesChoose() {
        assertGreedy("qwen3-f32", devices(1, false, NOTHING), new Capacity(3, 24, 30, 4, 64, DType.F32));
    }

    @Test
    void twoRanksChooseAlike() {
        assertGreedy("mistral-bf16", devices(2, false, NOTHING), new Capacity(3, 40, 128, 1, 64, DType.F32));
    }

    @Test
    void aDeviceThatRunsAheadIsAskedForTokensLateAndGivesTheSame() {
        assertGreedy("qwen2-f32", devices(2, true, NOTHING), new Capacity(2, 16, 40, 3, 64, DType.F32));
    }

    @Test
    void aRankThatFailsFailsTheGroupAndNobodyHangs() {
        var calls = new AtomicInteger();
        List<WrappedDevice> devices = devices(2, false, NOTHING);
        devices.set(1, new WrappedDevice(devices.get(1), false, () -> {
            if (calls.incrementAndGet() == 100) {
                throw new IllegalStateException("injected");
            }
        }));
        var executor = RankedExecutor.start(load("qwen2-f32", devices), capacity());
        assertThatThrownBy(() -> new PlanDriver(capacity(), 8, 1).run(executor, sequences(1, 4)))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("rank 1 of 2 failed")
                .hasMessageContaining("injected");
        assertThatThrownBy(() -> executor.launch(plan(50, 0)))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("injected");
        executor.close();
        assertThat(devices).allSatisfy(d -> assertThat(d.closed).isTrue());
    }

    @Test
    void aStepThatDoesNotEndFailsTheGroupOnceTheWatchdogHasWaited() {
        var forward = new CountDownLatch(1);
        List<WrappedDevice> devices = devices(1, false, () -> awaitUninterruptibly(forward));
        var executor =
                RankedExecutor.start(load("qwen2-f32", devices), capacity(), (_, _) -> {}, Duration.ofMillis(20));
        var flight = executor.launch(plan(0, 0));
        assertThatThrownBy(flight::await)
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("has not ended, nor moved for 0.02 s")
                .hasMessageContaining("--watchdog-timeout");
        assertThatThrownBy(() -> executor.launch(plan(1, 0))).hasMessageContaining("has not ended");
        forward.countDown();
        executor.close();
        assertThat(devices.getFirst().closed).isTrue();
    }

    @Test
    void memoryThatIsNotThereIsReportedAtStartAndEverythingIsClosed() {
        List<WrappedDevice> devices = devices(1, false, NOTHING);
        LoadedModel model = load("qwen2-f32", devices);
        var capacity = new Capacity(4, 16, Integer.MAX_VALUE / 2, 2, 1 << 20, DType.F32);
        assertThatThrownBy(() -> RankedExecutor.start(model, capacity))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("not enough memory")
                .extracting(e -> ((EngineFault) e).code())
                .isEqualTo(EngineFault.Code.RESOURCE);
        assertThat(devices.getFirst().closed).isTrue();
    }

    @Test
    void closingFreesDevicesAndCheckpointAndFailsWhatIsUnderWay() {
        List<WrappedDevice> devices = devices(1, false, NOTHING);
        Checkpoint checkpoint = checkpoint("qwen2-f32");
        var data = checkpoint.tensor("model.norm.weight", 64).data();
        LoadedModel model = ModelLoader.load(checkpoint, List.copyOf(devices), LoadSettings.plain());
        var executor = RankedExecutor.start(model, capacity());
        Executor.Flight flight = executor.launch(plan(1, 0));
        executor.close();
        assertThat(devices.getFirst().closed).isTrue();
        assertThat(data.scope().isAlive()).isFalse();
        assertThatThrownBy(flight::await).isInstanceOf(EngineFault.class).hasMessageContaining("closed");
        assertThatThrownBy(() -> executor.launch(plan(2, 0))).isInstanceOf(EngineFault.class);
    }

    @Test
    void closingDoesNotWaitForADeviceThatDoesNotComeBackAndLeavesItItsMemory() throws InterruptedException {
        var stuck = new CountDownLatch(1);
        var free = new CountDownLatch(1);
        List<WrappedDevice> devices = devices(1, false, () -> {
            stuck.countDown();
            awaitUninterruptibly(free);
        });
        var executor = RankedExecutor.start(load("qwen2-f32", devices), capacity());
        Executor.Flight flight = executor.launch(plan(1, 0));
        stuck.await();
        assertThat(executor.close(Duration.ofNanos(1))).isFalse();
        assertThatThrownBy(flight::await).isInstanceOf(EngineFault.class).hasMessageContaining("closed");
        assertThat(devices.getFirst().closed).isFalse();
        free.countDown();
        assertThat(executor.close(Duration.ofSeconds(30))).isTrue();
        assertThat(devices.getFirst().closed).isTrue();
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aPlanBeyondTheCapacityIsRefusedByName() {
        var executor = RankedExecutor.start(load("qwen2-f32", devices(1, false, NOTHING)), capacity());
        Executor.Flight flight = executor.launch(plan(7, 4));
        assertThatThrownBy(flight::await).hasMessageContaining("seat 4");
        executor.close();
    }

    @Test
    void moreThanOneStepAheadIsTheCallersMistake() {
        var executor = RankedExecutor.start(load("qwen2-f32", devices(1, false, NOTHING)), capacity());
        for (int step = 1; step <= 1 + executor.depth(); step++) {
            executor.launch(plan(step, 0)).sample(new SamplingBatch(step, List.of()));
        }
        assertThatThrownBy(() -> executor.launch(plan(3, 0)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("step 3");
        executor.close();
    }

    /** What each sequence got is what one forward pass over all of it would choose at every position. */
    private static void assertGreedy(String model, List<WrappedDevice> devices, Capacity capacity) {
        List<Sequence> sequences = sequences(17, 7);
        var executor = RankedExecutor.start(load(model, devices), capacity);
        new PlanDriver(capacity, 6, 17).run(executor, sequences);
        executor.close();
        try (Checkpoint checkpoint = checkpoint(model);
                Device device = new ReferenceDevice()) {
            List<int[]> all = sequences.stream().map(Sequence::all).toList();
            List<float[][]> logits =
                    new DecoderRun(checkpoint, 0, 16, 3).logits(List.of(device), all, DecoderRun.Steps.whole(all));
            for (int s = 0; s < all.size(); s++) {
                Sequence sequence = sequences.get(s);
                assertThat(sequence.tokens).hasSize(sequence.outputs);
                for (int i = 0; i < sequence.outputs; i++) {
                    float[] row = logits.get(s)[sequence.prompt.length - 1 + i];
                    int best = argmax(row);
                    assertThat(sequence.tokens.get(i))
                            .as("token %d of sequence %d", i, s)
                            .isEqualTo(best);
                    assertThat(sequence.logprobs.get(i)).isCloseTo(logprob(row, best), within(1e-3f));
                }
            }
        }
    }

    private static List<Sequence> sequences(long seed, int count) {
        var random = new Random(seed);
        var all = new ArrayList<Sequence>();
        for (int i = 0; i < count; i++) {
            int[] prompt = random.ints(1 + random.nextInt(25), 3, 128).toArray();
            all.add(new Sequence(prompt, 1 + random.nextInt(9)));
        }
        return all;
    }

    private static StepPlan plan(long number, int seat) {
        var chunk = new Chunk(1, seat, true, 0, new Input.Prompt(Tokens.of(5, 6)), Tokens.of(0, 1), false);
        return new StepPlan(number, List.of(chunk));
    }

    private static Capacity capacity() {
        return new Capacity(4, 32, 64, 2, 64, DType.F32);
    }

    private static LoadedModel load(String model, List<WrappedDevice> devices) {
        return ModelLoader.load(checkpoint(model), List.copyOf(devices), LoadSettings.plain());
    }

    private static Checkpoint checkpoint(String model) {
        return ModelFolder.open(GoldenModels.root().resolve(model)).checkpoint();
    }

    private static List<WrappedDevice> devices(int ranks, boolean runsAhead, Runnable beforeOp) {
        var group = new ThreadRanks(ranks);
        var devices = new ArrayList<WrappedDevice>();
        for (int rank = 0; rank < ranks; rank++) {
            devices.add(new WrappedDevice(new ReferenceDevice(group, rank), runsAhead, beforeOp));
        }
        return devices;
    }

    private static int argmax(float[] row) {
        int best = 0;
        for (int i = 1; i < row.length; i++) {
            best = row[i] > row[best] ? i : best;
        }
        return best;
    }

    private static float logprob(float[] row, int id) {
        double sum = 0;
        for (float x : row) {
            sum += Math.exp(x - row[id]);
        }
        return (float) -Math.log(sum);
    }
}
