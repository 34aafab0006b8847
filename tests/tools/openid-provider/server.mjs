// An OpenID provider for tests: one public client that may use the device flow, and a person for every name that logs in.
// Usage: node server.mjs PORT
import Provider from "oidc-provider";

const port = Number(process.argv[2]);
const provider = new Provider(`http://localhost:${port}`, {
  clients: [
    {
      client_id: "moorage",
      token_endpoint_auth_method: "none",
      application_type: "native",
      grant_types: ["urn:ietf:params:oauth:grant-type:device_code"],
      response_types: [],
      redirect_uris: [],
    },
  ],
  claims: { openid: ["sub"], profile: ["preferred_username", "groups"] },
  // Without it, the ID token would not hold what the scope asks for.
  conformIdTokenClaims: false,
  features: { deviceFlow: { enabled: true }, devInteractions: { enabled: true } },
  findAccount: (_, name) => ({
    accountId: name,
    claims: () => ({ sub: name, preferred_username: name, groups: ["developers"] }),
  }),
});
provider.listen(port, "localhost");
