package dev.lockstep.step;

import java.lang.reflect.Method;
import java.util.List;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Keeps warnings about lost members, tasks and connections out of tests that lose them by the hundred. By reflection,
 * since the compiler warns about annotations that Log4j's classes have and its jars have not.
 */
public final class ExchangeQuiet implements BeforeAllCallback, AfterAllCallback {
    private static final List<String> LOGGERS = List.of(
            "dev.lockstep.step",
            "org.apache.spark.executor",
            "org.apache.spark.network",
            "org.apache.spark.rpc",
            "org.apache.spark.scheduler");

    @Override
    public void beforeAll(ExtensionContext context) throws ReflectiveOperationException {
        set("off");
    }

    @Override
    public void afterAll(ExtensionContext context) throws ReflectiveOperationException {
        set("warn");
    }

    private static void set(String level) throws ReflectiveOperationException {
        Method setLevel = Class.forName("org.apache.logging.log4j.core.config.Configurator")
                .getMethod("setLevel", String.class, String.class);
        for (String logger : LOGGERS) {
            setLevel.invoke(null, logger, level);
        }
    }
}
