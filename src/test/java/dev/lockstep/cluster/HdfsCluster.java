package dev.lockstep.cluster;

import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeoutException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.SafeModeAction;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.apache.hadoop.hdfs.MiniDFSCluster.DataNodeProperties;
import org.apache.hadoop.hdfs.server.datanode.DataNode;
import org.apache.hadoop.hdfs.server.datanode.metrics.DataNodeMetrics;
import org.apache.hadoop.metrics2.lib.MutableCounterLong;

/**
 * A name node and two data nodes in this JVM, on ports of the loopback interface that are free. Every block is on both.
 * It is up when the constructor returns. {@code log4j2-servers.properties} keeps the nodes quiet: they warn and report
 * errors when all is well.
 */
public final class HdfsCluster implements AutoCloseable {
    private static final int NODES = 2;
    private static final int START_MILLIS = 30_000;

    private final MiniDFSCluster cluster;
    private final DistributedFileSystem fs;
    private final List<DataNodeProperties> stopped = new ArrayList<>();

    /** @param directory receives everything that the nodes store; it need not exist */
    public HdfsCluster(Path directory) throws IOException {
        Configuration conf = new HdfsConfiguration();
        conf.set(MiniDFSCluster.HDFS_MINIDFS_BASEDIR, directory.toString());
        cluster = new MiniDFSCluster.Builder(conf).numDataNodes(NODES).build();
        cluster.waitActive();
        fs = cluster.getFileSystem();
    }

    /** {@code hdfs://host:port} and the path, which begins with a slash. */
    public String uri(String path) {
        return cluster.getURI() + path;
    }

    /** A client's view of all that is stored. The cluster closes it. */
    public DistributedFileSystem files() {
        return fs;
    }

    /** Copies a local file or directory to a path. */
    public void put(Path local, String path) throws IOException {
        fs.copyFromLocalFile(new org.apache.hadoop.fs.Path(local.toUri()), new org.apache.hadoop.fs.Path(path));
    }

    /** The bytes of a file. */
    public byte[] bytes(String path) throws IOException {
        org.apache.hadoop.fs.Path file = new org.apache.hadoop.fs.Path(path);
        try (var in = fs.open(file)) {
            return in.readAllBytes();
        }
    }

    /** Names in a directory, sorted; none if there is no such directory. */
    public List<String> names(String path) throws IOException {
        org.apache.hadoop.fs.Path directory = new org.apache.hadoop.fs.Path(path);
        if (!fs.exists(directory)) {
            return List.of();
        }
        return Arrays.stream(fs.listStatus(directory))
                .map(FileStatus::getPath)
                .map(org.apache.hadoop.fs.Path::getName)
                .sorted()
                .toList();
    }

    /** In safe mode everything can be read and nothing written. */
    public void safeMode(boolean on) throws IOException {
        fs.setSafeMode(on ? SafeModeAction.ENTER : SafeModeAction.LEAVE);
    }

    /** Stops a data node: its connections are cut, and nobody answers on its port. */
    public void stopDataNode(int index) {
        stopped.add(cluster.stopDataNode(index));
    }

    /** Starts the data nodes that were stopped, with what they stored; they are the last ones then. */
    public void startStoppedDataNodes() throws IOException {
        while (!stopped.isEmpty()) {
            startFirstStoppedDataNode();
        }
    }

    /** Starts the one of them that was stopped first. */
    public void startFirstStoppedDataNode() throws IOException {
        cluster.restartDataNode(stopped.remove(0), true);
        List<DataNode> nodes = cluster.getDataNodes();
        try {
            // waitActive would wait until the name node takes those that are stopped for dead, ten minutes.
            cluster.waitDatanodeFullyStarted(nodes.get(nodes.size() - 1), START_MILLIS);
        } catch (TimeoutException | InterruptedException e) {
            throw new IOException("a data node does not start", e);
        }
    }

    /** Bytes of blocks that data nodes have sent to readers who took all that they had asked for, since the start. */
    public long bytesSent() {
        try {
            // Straight from the source: what a node shows of its metrics to others may be ten seconds old.
            Field bytesRead = DataNodeMetrics.class.getDeclaredField("bytesRead");
            bytesRead.setAccessible(true);
            long sum = 0;
            for (DataNode node : cluster.getDataNodes()) {
                sum += ((MutableCounterLong) bytesRead.get(node.getMetrics())).value();
            }
            return sum;
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() throws IOException {
        fs.close();
        cluster.shutdown(true);
    }
}
