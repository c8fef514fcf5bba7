// Calls operations through @alicloud/openapi-client: signature version 3, by header.
//
// Reads {endpoint, accessKeyId, accessKeySecret, securityToken, calls: [{action, method,
// parameters}]} from standard input and prints a list of {action, code, message, status, body}.
"use strict";

const { default: OpenApi, Config, OpenApiRequest, Params } = require("@alicloud/openapi-client");
const { RuntimeOptions } = require("@alicloud/tea-util");

async function call(client, { action, method, parameters }) {
  const params = new Params({
    action,
    version: "2020-04-20",
    protocol: "HTTP",
    pathname: "/",
    method,
    authType: "AK",
    style: "RPC",
    reqBodyType: "formData",
    bodyType: "json",
  });
  try {
    const request = new OpenApiRequest({ query: parameters });
    const answer = await client.callApi(params, request, new RuntimeOptions({}));
    return { action, code: null, status: answer.statusCode, body: answer.body };
  } catch (error) {
    const data = error.data || {};
    return { action, code: error.code, message: data.Message || error.message, status: data.statusCode };
  }
}

async function main() {
  const { endpoint, accessKeyId, accessKeySecret, securityToken, calls } = JSON.parse(
    require("node:fs").readFileSync(0, "utf8"),
  );
  const config = { endpoint, protocol: "http", accessKeyId, accessKeySecret, securityToken };
  const client = new OpenApi(new Config(config));
  const answers = [];
  for (const each of calls) {
    answers.push(await call(client, each));
  }
  console.log(JSON.stringify(answers));
}

main();
