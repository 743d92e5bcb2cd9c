package espalier.exec;

import espalier.tensor.Buffer;
import espalier.tensor.Collective;
import espalier.tensor.Device;
import espalier.tensor.KvCache;
import espalier.tensor.Ops;
import espalier.tensor.Sampler;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.concurrent.atomic.AtomicBoolean;

/** Another device that notes its closing, may claim to run ahead, and calls a hook before each op. */
final class WrappedDevice implements Device {
    private final Device inner;
    private final boolean runsAhead;
    private final Runnable beforeOp;
    final AtomicBoolean closed = new AtomicBoolean();

    WrappedDevice(Device inner, boolean runsAhead, Runnable beforeOp) {
        this.inner = inner;
        this.runsAhead = runsAhead;
        this.beforeOp = beforeOp;
    }

    @Override
    public String name() {
        return inner.name();
    }

    @Override
    public Ops ops() {
        return (Ops) Proxy.newProxyInstance(
                Ops.class.getClassLoader(), new Class<?>[] {Ops.class}, (_, method, arguments) -> {
                    if (!method.getName().equals("activations")) { // tells, does nothing
                        beforeOp.run();
                    }
                    try {
                        return method.invoke(inner.ops(), arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    @Override
    public Buffer allocate(long bytes) {
        return inner.allocate(bytes);
    }

    @Override
    public Buffer place(MemorySegment bytes) {
        return inner.place(bytes);
    }

    @Override
    public void upload(MemorySegment from, Buffer to, long toOffset) {
        inner.upload(from, to, toOffset);
    }

    @Override
    public void download(Buffer from, long fromOffset, MemorySegment to) {
        inner.download(from, fromOffset, to);
    }

    @Override
    public KvCache kvCache(KvCache.Shape shape) {
        return inner.kvCache(shape);
    }

    @Override
    public Sampler sampler(Sampler.Size size) {
        return inner.sampler(size);
    }

    @Override
    public Collective collective() {
        return inner.collective();
    }

    @Override
    public boolean runsAhead() {
        return runsAhead;
    }

    @Override
    public long availableBytes() {
        return inner.availableBytes();
    }

    @Override
    public void close() {
        if (closed.getAndSet(true)) {
            throw new IllegalStateException("closed twice");
        }
        inner.close();
    }
}
