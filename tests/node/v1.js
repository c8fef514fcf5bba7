// Calls operations through @alicloud/pop-core: signature version 1, by parameter.
//
// Reads and prints what v3.js does. A POST carries its parameters in the form.
"use strict";

const { RPCClient } = require("@alicloud/pop-core");

async function call(client, { action, method, parameters }) {
  try {
    const body = await client.request(action, parameters, { method });
    return { action, code: null, status: 200, body };
  } catch (error) {
    const data = error.data || {};
    const status = error.entry ? error.entry.response.statusCode : 0;
    return { action, code: error.code, message: data.Message || error.message, status };
  }
}

async function main() {
  const { endpoint, accessKeyId, accessKeySecret, securityToken, calls } = JSON.parse(
    require("node:fs").readFileSync(0, "utf8"),
  );
  const client = new RPCClient({
    endpoint: `http://${endpoint}`,
    apiVersion: "2020-04-20",
    accessKeyId,
    accessKeySecret,
    securityToken,
    opts: { timeout: 10000 },
  });
  const answers = [];
  for (const each of calls) {
    answers.push(await call(client, each));
  }
  client.keepAliveAgent.destroy();
  console.log(JSON.stringify(answers));
}

main();
