package espalier.config;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** Makes a record component a command-line flag: its names, default, least value and help in one place. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Flag {
    /** The names, SGLang's first. */
    String[] value();

    /** One line: what it does and its unit. */
    String help();

    /** As it would be typed; empty for a component that may be null, which the resolver then decides. */
    String byDefault() default "";

    /** The least whole number that it takes. */
    int least() default Integer.MIN_VALUE;

    /** What stands for the value in the help. */
    String label() default "";
}
