package espalier.kv;

import espalier.api.EngineFault;
import java.util.BitSet;
import java.util.function.IntConsumer;

/**
 * Free page numbers. Pure bookkeeping: it never sees device memory. A page is free or it is somebody's; giving a free
 * page back, or taking one from an empty pool, is a fault of ours and is noticed at once.
 */
public final class PagePool {
    private final int[] free;
    private final BitSet taken = new BitSet();
    private int top;

    /** All of {@code 0 .. pages - 1} are free. */
    public PagePool(int pages) {
        free = new int[pages];
        for (int i = 0; i < pages; i++) {
            free[i] = pages - 1 - i;
        }
        top = pages;
    }

    /** Pages in all, free or not. */
    public int size() {
        return free.length;
    }

    public int available() {
        return top;
    }

    public int take() {
        if (top == 0) {
            throw new EngineFault(EngineFault.Code.INTERNAL, "page taken from an empty pool of " + free.length);
        }
        int page = free[--top];
        taken.set(page);
        return page;
    }

    public void give(int page) {
        if (!taken.get(page)) {
            throw new EngineFault(EngineFault.Code.INTERNAL, "page " + page + " given back twice");
        }
        taken.clear(page);
        free[top++] = page;
    }

    /** Calls {@code each} for every free page. */
    public void forEachFree(IntConsumer each) {
        for (int i = 0; i < top; i++) {
            each.accept(free[i]);
        }
    }
}
