package espalier.cpu;

import espalier.api.EngineFault;
import espalier.api.RequestRejected;
import espalier.cpu.jit.Code;
import espalier.cpu.jit.CompilerThreads;
import espalier.cpu.jit.Processor;
import espalier.tensor.Device;
import espalier.tensor.DeviceProvider;
import espalier.tensor.host.ThreadRanks;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;

/** {@code --device cpu}: ranks share the cores evenly, at least one thread each. */
public final class CpuProvider implements DeviceProvider {
    private static final int MOST_THREADS_A_CORE = 16;

    /** For {@link java.util.ServiceLoader}. */
    public CpuProvider() {}

    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public String missing() {
        return ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN ? "" : "the cpu device wants a little-endian machine";
    }

    @Override
    public List<String> findings() {
        Machine machine = Machine.local();
        return List.of(
                machine.physicalCores() + " physical cores, "
                        + String.format(Locale.ROOT, "%.1f", machine.availableBytes() / 1e9) + " GB of memory free",
                FusedMultiplyAdd.isInstruction() ? instructions() : "no fused multiply-add: very slow");
    }

    private static String instructions() {
        String obstacle = Code.obstacle();
        try {
            return obstacle.isEmpty()
                    ? "instructions: " + new TreeSet<>(Processor.here().features())
                    : "no machine code of ours: " + obstacle;
        } catch (EngineFault refused) {
            return "no machine code of ours: " + refused.getMessage();
        }
    }

    @Override
    public void require(Demand demand) {
        requireFew(demand.settings().threads(), Machine.local().physicalCores());
    }

    /** A few threads too many are slow; thousands take stacks and scratch memory, and steps no longer end. */
    static void requireFew(int threads, int cores) {
        int most = MOST_THREADS_A_CORE * cores;
        if (threads > most) {
            throw RequestRejected.invalid(
                    "--cpu-threads",
                    "--cpu-threads must be at most " + most + " on this machine, " + MOST_THREADS_A_CORE
                            + " for each of its physical cores (" + cores + "), got " + threads
                            + ": each takes memory of its own and all wait for the slowest; leave it out for one a core");
        }
    }

    private static List<Device> plain(Settings settings) {
        CpuKernels wanted = settings.cpu().kernels();
        switch (wanted) {
            case AUTO -> {}
            case AMX, AVX512, AVX2, VECTOR ->
                Selection.require(wanted, "the processor has no fused multiply-add (FMA)");
        }
        var group = new ThreadRanks(settings.ranks());
        var devices = new ArrayList<Device>();
        for (int rank = 0; rank < settings.ranks(); rank++) {
            devices.add(new PlainDevice(group, rank));
        }
        return List.copyOf(devices);
    }

    @Override
    public List<Device> open(Settings settings) {
        CompilerThreads.giveWay();
        if (!FusedMultiplyAdd.isInstruction()) {
            return plain(settings);
        }
        int threads =
                settings.threads() > 0 ? settings.threads() : Machine.local().physicalCores();
        var group = new ThreadRanks(settings.ranks());
        Nodes nodes = Machine.local().nodes();
        var devices = new ArrayList<Device>();
        for (int rank = 0; rank < settings.ranks(); rank++) {
            int mine = threads * (rank + 1) / settings.ranks() - threads * rank / settings.ranks();
            var own = new Settings(
                    settings.ranks(), Math.max(1, mine), settings.products(), settings.cpu(), settings.gpu());
            Placement placement = nodes.place(settings.ranks(), rank, own.threads());
            devices.add(new CpuDevice(own, group, rank, OpMemory.Source.USUAL, placement));
        }
        return List.copyOf(devices);
    }
}
