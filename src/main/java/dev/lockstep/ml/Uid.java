package dev.lockstep.ml;

/**
 * Hands the uid to an object of Spark ML under construction. The constructors of Spark's classes ask their subclass for it, to
 * write it into the parameters they make, before Java lets that subclass's constructor set a field; Scala's classes have it
 * by then. An argument of the superclass's constructor is evaluated earlier, so that is where it is given:
 *
 * <pre>
 *   Thing(String uid) { this(Uid.give(uid)); }
 * </pre>
 */
final class Uid {
    /** Holds something only from the evaluation of that argument to the first question, in one thread. */
    private static final ThreadLocal<String> GIVEN = new ThreadLocal<>();

    private Uid() {}

    static Uid give(String uid) {
        GIVEN.set(uid);
        return new Uid();
    }

    static String take() {
        String uid = GIVEN.get();
        GIVEN.remove();
        return uid;
    }
}
