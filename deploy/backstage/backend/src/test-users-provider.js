// Signs in any user of the catalog, for tests and trials: the caller names the
// user and shows that it knows auth.providers.testusers.sharedSecret.
//
//   GET /api/auth/testusers/refresh
//   X-Test-User: user:default/alice
//   X-Test-Secret: <sharedSecret>
const { timingSafeEqual } = require('node:crypto');
const { createBackendModule } = require('@backstage/backend-plugin-api');
const { AuthenticationError } = require('@backstage/errors');
const {
  authProvidersExtensionPoint,
  createProxyAuthenticator,
  createProxyAuthProviderFactory,
} = require('@backstage/plugin-auth-node');

const sameText = (a, b) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

const authenticator = createProxyAuthenticator({
  defaultProfileTransform: async ({ user }) => ({ profile: { displayName: user } }),
  initialize: ({ config }) => config.getString('sharedSecret'),
  async authenticate({ req }, sharedSecret) {
    const user = req.header('x-test-user');
    if (!user || !sameText(req.header('x-test-secret') ?? '', sharedSecret)) {
      throw new AuthenticationError('X-Test-User and the right X-Test-Secret are needed');
    }
    return { result: { user } };
  },
});

const signInResolver = ({ result }, context) =>
  context.signInWithCatalogUser({ entityRef: result.user });

exports.default = createBackendModule({
  pluginId: 'auth',
  moduleId: 'test-users-provider',
  register(reg) {
    reg.registerInit({
      deps: { providers: authProvidersExtensionPoint },
      async init({ providers }) {
        providers.registerProvider({
          providerId: 'testusers',
          factory: createProxyAuthProviderFactory({ authenticator, signInResolver }),
        });
      },
    });
  },
});
