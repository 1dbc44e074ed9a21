package dev.lockstep.files;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.security.AccessControlException;
import org.apache.hadoop.util.Progressable;

/**
 * Local files under the scheme {@code faulty}, with one fault chosen in the configuration. Its rename behaves like that
 * of HDFS and of object stores: an existing name is refused by false.
 */
public class FaultyFileSystem extends RawLocalFileSystem {
    public static final String FAULT = "faulty.fault";

    /** What goes wrong. */
    public enum Fault {
        NONE,
        CREATE,
        /** Linux's device that is always full, so that Hadoop's own stream fails the way it does. */
        FULL_DISK,
        WRITE,
        /** Half of what is written once comes through, and nothing more to that file. */
        BREAK_OFF,
        /** The same, but all of it comes through. */
        BREAK_OFF_LATE,
        CLOSE,
        LOSE_A_BYTE,
        RENAME_THROWS,
        RENAME_REFUSES,
        RENAME_AND_RESTORE_REFUSE,
        DIRECTORY_APPEARS
    }

    /** A configuration in which this file system has that fault. */
    public static Configuration configuration(Fault fault) {
        Configuration conf = new Configuration(false);
        conf.setClass("fs.faulty.impl", FaultyFileSystem.class, org.apache.hadoop.fs.FileSystem.class);
        conf.setBoolean("fs.faulty.impl.disable.cache", true);
        conf.setEnum(FAULT, fault);
        return conf;
    }

    private Fault fault() {
        return getConf().getEnum(FAULT, Fault.NONE);
    }

    @Override
    public URI getUri() {
        return URI.create("faulty:///");
    }

    @Override
    public String getScheme() {
        return "faulty";
    }

    @Override
    public FSDataOutputStream create(
            Path file, boolean overwrite, int bufferSize, short replication, long blockSize, Progressable progress)
            throws IOException {
        if (fault() == Fault.CREATE) {
            throw new AccessControlException("Permission denied: user=nobody, access=WRITE\n\tat some.Server(line 1)");
        }
        OutputStream out = super.create(file, overwrite, bufferSize, replication, blockSize, progress);
        if (fault() == Fault.FULL_DISK) {
            out.close();
            return append(new Path("/dev/full"), bufferSize, progress);
        }
        return new FSDataOutputStream(new FaultyStream(out), null);
    }

    @Override
    public boolean rename(Path from, Path to) throws IOException {
        boolean publishes = from.getName().startsWith(AtomicOutput.TEMPORARY_PREFIX);
        boolean restores = from.getName().startsWith(AtomicOutput.ASIDE_PREFIX);
        if (publishes && fault() == Fault.RENAME_THROWS) {
            throw new FileAlreadyExistsException("the name node says no");
        }
        if (publishes && fault() == Fault.DIRECTORY_APPEARS) {
            mkdirs(to);
            return super.rename(from, new Path(to, from.getName()));
        }
        if (publishes && fault() == Fault.RENAME_REFUSES
                || (publishes || restores) && fault() == Fault.RENAME_AND_RESTORE_REFUSE) {
            return false;
        }
        return !exists(to) && super.rename(from, to);
    }

    private final class FaultyStream extends FilterOutputStream {
        private boolean lost;
        private boolean broken;

        FaultyStream(OutputStream out) {
            super(out);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            if (fault() == Fault.WRITE) {
                throw new IOException("No space left on device");
            }
            if (broken || fault() == Fault.BREAK_OFF || fault() == Fault.BREAK_OFF_LATE) {
                int through = fault() == Fault.BREAK_OFF_LATE ? length : length / 2;
                out.write(bytes, offset, broken ? 0 : through);
                broken = true;
                getConf().setEnum(FAULT, Fault.NONE);
                throw new IOException("too few nodes are left");
            }
            int kept = fault() == Fault.LOSE_A_BYTE && !lost ? length - 1 : length;
            lost = true;
            out.write(bytes, offset, kept);
        }

        @Override
        public void close() throws IOException {
            super.close();
            if (fault() == Fault.CLOSE) {
                throw new IOException("the last block was not acknowledged");
            }
        }
    }
}
