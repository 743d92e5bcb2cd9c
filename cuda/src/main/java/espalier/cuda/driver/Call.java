package espalier.cuda.driver;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodType;
import java.util.Collections;

/** A native function that takes numbers and yields a status: {@link Symbols} tells why. */
record Call(String name, MethodHandle handle) {
    private static final int SPREAD_FROM = 5;

    static Call of(Symbols symbols, String name, int arguments) {
        MethodHandle handle = symbols.function(name, arguments);
        MethodType wanted = MethodType.methodType(int.class, Collections.nCopies(arguments, long.class));
        if (!handle.type().equals(wanted)) {
            throw new IllegalArgumentException(name + " is " + handle.type() + ", want " + wanted);
        }
        return new Call(name, arguments < SPREAD_FROM ? handle : handle.asSpreader(long[].class, arguments));
    }

    int with() {
        try {
            return (int) handle.invokeExact();
        } catch (Throwable e) {
            throw broken(e);
        }
    }

    int with(long a) {
        try {
            return (int) handle.invokeExact(a);
        } catch (Throwable e) {
            throw broken(e);
        }
    }

    int with(long a, long b) {
        try {
            return (int) handle.invokeExact(a, b);
        } catch (Throwable e) {
            throw broken(e);
        }
    }

    int with(long a, long b, long c) {
        try {
            return (int) handle.invokeExact(a, b, c);
        } catch (Throwable e) {
            throw broken(e);
        }
    }

    int with(long a, long b, long c, long d) {
        try {
            return (int) handle.invokeExact(a, b, c, d);
        } catch (Throwable e) {
            throw broken(e);
        }
    }

    /** Of five or more. */
    int with(long... all) {
        try {
            return (int) handle.invokeExact(all);
        } catch (Throwable e) {
            throw broken(e);
        }
    }

    /** A downcall throws nothing itself: what comes is a mistake in this package, or the JVM's own error. */
    private IllegalStateException broken(Throwable e) {
        if (e instanceof Error error) {
            throw error;
        }
        return new IllegalStateException("calling " + name, e);
    }
}
