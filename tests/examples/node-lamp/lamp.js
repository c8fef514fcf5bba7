// A lamp in JavaScript: connects with its certificate, says that it is on, and leaves.
// node lamp.js HOST PORT SERVER_CA CHAIN KEY CLIENT_ID
const fs = require("node:fs");
const mqtt = require("mqtt");

const [host, port, serverCa, chain, key, clientId] = process.argv.slice(2);

const client = mqtt.connect({
  protocol: "mqtts",
  host,
  port: Number(port),
  clientId,
  ca: fs.readFileSync(serverCa),
  cert: fs.readFileSync(chain),
  key: fs.readFileSync(key),
  protocolVersion: 4,
  reconnectPeriod: 0,
});

client.on("connect", async () => {
  await client.publishAsync(`lamps/${clientId}/status`, "on", { qos: 1 });
  console.log("on");
  await client.endAsync();
});

client.on("error", (error) => {
  console.log(`refused: ${error.message} (code ${error.code})`);
  client.end(true);
  process.exitCode = 1;
});
