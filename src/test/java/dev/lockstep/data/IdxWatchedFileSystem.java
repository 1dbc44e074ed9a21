package dev.lockstep.data;

import java.io.IOException;
import java.net.URI;
import java.util.BitSet;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSInputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;

/**
 * Local files under a scheme of its own that behave like remote ones: a read returns a few bytes only,
 * {@code available()} says 0, and a read may fail. It notes which bytes of which file were read. A test opens one and
 * closes it.
 */
public final class IdxWatchedFileSystem extends RawLocalFileSystem {
    private static final String SCHEME = "watched";
    private static final String FAIL_AT = "lockstep.test.fail.at";
    private static final String MOST_BYTES = "lockstep.test.most.bytes";

    private final Map<String, BitSet> readOf = new TreeMap<>();
    private URI uri;

    /** One whose reads return at most {@code mostBytes} and fail once they reach byte {@code failAt} of any file. */
    static IdxWatchedFileSystem open(int mostBytes, long failAt) throws IOException {
        Configuration conf = new Configuration(false);
        conf.setClass("fs." + SCHEME + ".impl", IdxWatchedFileSystem.class, FileSystem.class);
        conf.setInt(MOST_BYTES, mostBytes);
        conf.setLong(FAIL_AT, failAt);
        // Hadoop caches filesystems by authority; the same authority leads the code under test to this instance.
        return (IdxWatchedFileSystem) FileSystem.get(URI.create(SCHEME + "://" + UUID.randomUUID() + "/"), conf);
    }

    @Override
    public void initialize(URI name, Configuration conf) throws IOException {
        super.initialize(name, conf);
        uri = URI.create(name.getScheme() + "://" + name.getAuthority());
    }

    @Override
    public URI getUri() {
        return uri == null ? super.getUri() : uri;
    }

    @Override
    public FSDataInputStream open(Path path, int bufferSize) throws IOException {
        BitSet read = readOf.computeIfAbsent(path.getName(), name -> new BitSet());
        return new FSDataInputStream(new Watched(super.open(path, bufferSize), read));
    }

    /** A local directory's name on this filesystem. */
    String uriOf(java.nio.file.Path directory) {
        return uri + directory.toAbsolutePath().toString();
    }

    /** Which bytes of a file were read so far. */
    BitSet readOf(String fileName) {
        return readOf.computeIfAbsent(fileName, name -> new BitSet());
    }

    /** Forgets what was read. */
    void forget() {
        readOf.values().forEach(BitSet::clear);
    }

    private final class Watched extends FSInputStream {
        private final FSDataInputStream source;
        private final BitSet read;
        private final long failAt = getConf().getLong(FAIL_AT, Long.MAX_VALUE);
        private final int mostBytes = getConf().getInt(MOST_BYTES, Integer.MAX_VALUE);

        Watched(FSDataInputStream source, BitSet read) {
            this.source = source;
            this.read = read;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            int start = (int) source.getPos();
            int count = source.read(target, offset, Math.min(length, mostBytes));
            if (count > 0) {
                if (start + count > failAt) {
                    throw new IOException("connection reset");
                }
                read.set(start, start + count);
            }
            return count;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int available() {
            return 0;
        }

        @Override
        public void seek(long position) throws IOException {
            source.seek(position);
        }

        @Override
        public long getPos() throws IOException {
            return source.getPos();
        }

        @Override
        public boolean seekToNewSource(long target) {
            return false;
        }

        @Override
        public void close() throws IOException {
            source.close();
        }
    }
}
