package espalier.jinja;

/** A method of a built-in type. */
interface Method {
    Object call(Render render, Object self, Arguments arguments);

    /** A method of one value. */
    record Bound(String name, Object self, Method method) implements Callable {
        @Override
        public Object call(Render render, Arguments arguments) {
            return method.call(render, self, arguments);
        }

        @Override
        public String describe() {
            return "<built-in method " + name + " of " + Types.name(self) + " object at 0x7f0000000000>";
        }
    }
}
