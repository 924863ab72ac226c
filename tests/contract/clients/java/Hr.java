import static java.nio.charset.StandardCharsets.UTF_8;
import static java.time.format.DateTimeFormatter.ISO_OFFSET_DATE_TIME;

import com.rabbitmq.client.*;
import java.io.IOException;
import java.time.OffsetDateTime;
import java.util.*;

/**
 * Registers one person, then prints what Aktif says of our people: java -cp amqp-client.jar:slf4j-api.jar Hr.java
 * CHANGE IC_NUMBER NAME EMAIL REGISTERED_AT, with AMQP_URL and FEED as `aktif provision --hr NAME` gave them.
 * CHANGE is the number of this change in your own records: after a crash send it again, the second time does nothing.
 */
public class Hr {
  static final String FEED = System.getenv("FEED");

  static void register(Channel channel, String change, String ic, String name, String email, String at)
      throws Exception {
    // OffsetDateTime.toString() drops seconds that are zero, and Aktif refuses such times; the formatter keeps them.
    String event = """
        {"specversion": "1.0", "id": %s, "source": %s, "type": "aktif.ActivationRequested.v1", "time": "%s",
         "data": {"reason": "registration", "ic_number": %s, "name": %s, "email": %s, "registered_at": "%s"}}
        """.formatted(json(change), json(FEED.replaceFirst("^feed\\.", "/hr/")),
            ISO_OFFSET_DATE_TIME.format(OffsetDateTime.now()), json(ic), json(name), json(email),
            ISO_OFFSET_DATE_TIME.format(OffsetDateTime.parse(at)));
    var properties = new AMQP.BasicProperties.Builder().contentType("application/cloudevents+json").deliveryMode(2);
    channel.confirmSelect();
    channel.basicPublish("aktif.hr", "live.ActivationRequested", properties.build(), event.getBytes(UTF_8));
    channel.waitForConfirmsOrDie(30_000); // the broker has it on disk; throws where it refuses
  }

  /** In earnest `seen` is a table of yours, written together with what you do about the event. */
  static void listen(Channel channel) throws IOException {
    Set<String> seen = new HashSet<>();
    channel.basicQos(100);
    channel.basicConsume(FEED, false, new DefaultConsumer(channel) {
      @Override public void handleDelivery(String tag, Envelope envelope, AMQP.BasicProperties properties, byte[] body)
          throws IOException {
        if (seen.add(properties.getMessageId())) // the event's id; all of a feed is of one source
          System.out.println(properties.getType().split("\\.")[1] + " " + new String(body, UTF_8));
        channel.basicAck(envelope.getDeliveryTag(), false);
      }
    });
  }

  static String json(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }

  public static void main(String[] args) throws Exception {
    var factory = new ConnectionFactory();
    factory.setUri(System.getenv("AMQP_URL"));
    try (var connection = factory.newConnection("hr"); var channel = connection.createChannel()) {
      register(channel, args[0], args[1], args[2], args[3], args[4]);
      System.out.println("confirmed " + args[0]);
      listen(channel);
      new java.util.concurrent.CountDownLatch(1).await(); // until Ctrl-C
    }
  }
}
