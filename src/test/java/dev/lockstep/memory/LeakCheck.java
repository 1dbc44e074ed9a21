package dev.lockstep.memory;

import java.util.List;
import net.jqwik.api.lifecycle.AroundTryHook;
import net.jqwik.api.lifecycle.PropagationMode;
import net.jqwik.api.lifecycle.TryExecutionResult;
import net.jqwik.api.lifecycle.TryExecutor;
import net.jqwik.api.lifecycle.TryLifecycleContext;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Fails a test that leaves off-heap blocks open (or closes blocks that it did not open). For JUnit:
 * {@code @ExtendWith(LeakCheck.class)}; for jqwik, where it looks after every single try:
 * {@code @AddLifecycleHook(LeakCheck.class)}. The gauge counts for the whole process, so tests that use this must not
 * run at the same time as others.
 */
public final class LeakCheck implements BeforeEachCallback, AfterEachCallback, AroundTryHook {
    private static final ExtensionContext.Namespace NAMESPACE = ExtensionContext.Namespace.create(LeakCheck.class);

    /** What is open: a block of length 0 is a leak as well. */
    private record Open(long bytes, long blocks) {
        static Open now() {
            MemoryGauge gauge = MemoryGauge.process();
            return new Open(gauge.bytesInUse(), gauge.blocksInUse());
        }

        AssertionError leakSince(Open before) {
            return equals(before)
                    ? null
                    : new AssertionError("off-heap leak: before the test " + before + ", after it " + this);
        }
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        context.getStore(NAMESPACE).put(context.getUniqueId(), Open.now());
    }

    @Override
    public void afterEach(ExtensionContext context) {
        Open before = context.getStore(NAMESPACE).remove(context.getUniqueId(), Open.class);
        AssertionError leak = Open.now().leakSince(before);
        if (leak != null) {
            throw leak;
        }
    }

    /** Without it, jqwik would not run a hook that stands at a class for the class's properties. */
    @Override
    public PropagationMode propagateTo() {
        return PropagationMode.ALL_DESCENDANTS;
    }

    @Override
    public TryExecutionResult aroundTry(TryLifecycleContext context, TryExecutor tryExecutor, List<Object> parameters) {
        Open before = Open.now();
        TryExecutionResult result = tryExecutor.execute(parameters);
        AssertionError leak = Open.now().leakSince(before);
        // A failure of the test's own says more than the leak it may have caused.
        return leak == null || result.isFalsified() ? result : TryExecutionResult.falsified(leak);
    }
}
