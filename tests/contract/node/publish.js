// Registers one person, as any HR system would: node publish.js AMQP_URL IC_NUMBER NAME EMAIL
const amqp = require("amqplib");
const { randomUUID } = require("node:crypto");

async function main([url, icNumber, name, email]) {
  const connection = await amqp.connect(url);
  const channel = await connection.createConfirmChannel();
  const event = {
    specversion: "1.0",
    id: randomUUID(),
    source: "/hr/node",
    type: "aktif.ActivationRequested.v1",
    time: new Date().toISOString(),
    datacontenttype: "application/json",
    data: { reason: "registration", ic_number: icNumber, name, email, registered_at: "2020-07-13T10:45:50+08:00" },
  };
  channel.publish("aktif.hr", "live.ActivationRequested", Buffer.from(JSON.stringify(event)), {
    contentType: "application/cloudevents+json",
    deliveryMode: 2,
    messageId: event.id,
  });
  await channel.waitForConfirms();
  await connection.close();
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
