package dev.lockstep.step;

import java.lang.reflect.Method;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Keeps warnings about lost members and connections out of tests that lose and refuse members by the hundred. By
 * reflection, since the compiler warns about annotations that Log4j's classes have and its jars have not.
 */
final class ExchangeQuiet implements BeforeAllCallback, AfterAllCallback {
    @Override
    public void beforeAll(ExtensionContext context) throws ReflectiveOperationException {
        set("error");
    }

    @Override
    public void afterAll(ExtensionContext context) throws ReflectiveOperationException {
        set("warn");
    }

    private static void set(String level) throws ReflectiveOperationException {
        Method setLevel = Class.forName("org.apache.logging.log4j.core.config.Configurator")
                .getMethod("setLevel", String.class, String.class);
        setLevel.invoke(null, Coordinator.class.getName(), level);
        setLevel.invoke(null, ExchangeServer.class.getName(), level);
        setLevel.invoke(null, WorkerTeam.class.getName(), level);
        setLevel.invoke(
                null, "org.apache.spark.network", level.equals("error") ? "off" : level); // errors for lost peers
    }
}
