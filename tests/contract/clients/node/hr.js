// Registers one person, then prints what Aktif says of our people.
//
// npm install && node hr.js CHANGE IC_NUMBER NAME EMAIL REGISTERED_AT
// with AMQP_URL and FEED as `aktif provision --hr NAME` gave them. CHANGE is the number of this change in your own
// records: after a crash send it again, the second time does nothing.
const amqp = require("amqplib");

const { AMQP_URL, FEED } = process.env;

async function register(channel, change, person) {
  const event = {
    specversion: "1.0",
    id: change,
    source: FEED.replace("feed.", "/hr/"),
    type: "aktif.ActivationRequested.v1",
    time: new Date().toISOString(),
    datacontenttype: "application/json",
    data: { reason: "registration", ...person },
  };
  channel.publish("aktif.hr", "live.ActivationRequested", Buffer.from(JSON.stringify(event)), {
    contentType: "application/cloudevents+json",
    deliveryMode: 2,
  });
  await channel.waitForConfirms(); // the broker has it on disk; throws where it refuses
}

// In earnest `seen` is a table of yours, written together with what you do about the event.
async function listen(channel) {
  const seen = new Set();
  await channel.prefetch(100);
  await channel.consume(FEED, (message) => {
    if (message === null) throw new Error(`${FEED} was deleted`);
    const event = JSON.parse(message.content);
    const pair = JSON.stringify([event.source, event.id]);
    if (!seen.has(pair)) {
      seen.add(pair);
      console.log(event.type.split(".")[1], message.content.toString());
    }
    channel.ack(message);
  });
}

async function main([change, ic_number, name, email, registered_at]) {
  const connection = await amqp.connect(AMQP_URL);
  const channel = await connection.createConfirmChannel();
  await register(channel, change, { ic_number, name, email, registered_at });
  console.log("confirmed", change);
  await listen(channel);
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
