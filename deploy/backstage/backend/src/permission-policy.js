// Who may do what. Portal administrators: everything. Anyone else: read the
// catalog entities that they own or that are marked public, change those that
// they own (guests: none), and use other permissions as far as they only read.
// For catalog entities the answer is conditional: the catalog applies it.
const { createBackendModule } = require('@backstage/backend-plugin-api');
const {
  catalogConditions,
  createCatalogConditionalDecision,
} = require('@backstage/plugin-catalog-backend/alpha');
const { AuthorizeResult, isResourcePermission } = require('@backstage/plugin-permission-common');
const { policyExtensionPoint } = require('@backstage/plugin-permission-node/alpha');

const ADMINS = 'group:default/platform-admins';
const GUESTS = 'group:default/guests';
const ALLOW = { result: AuthorizeResult.ALLOW };
const DENY = { result: AuthorizeResult.DENY };

const { hasAnnotation, hasLabel, isEntityOwner } = catalogConditions;
const isPublic = [
  hasLabel({ label: 'visibility', value: 'public' }),
  hasAnnotation({ annotation: 'example.com/visibility', value: 'public' }),
];

class ExamplePolicy {
  async handle({ permission }, user) {
    if (!user) return DENY; // nobody signed in; services do not come here
    const claims = user.info.ownershipEntityRefs;
    if (claims.includes(ADMINS)) return ALLOW;

    const reads = permission.attributes.action === 'read';
    if (!isResourcePermission(permission, 'catalog-entity')) return reads ? ALLOW : DENY;
    if (!reads && claims.includes(GUESTS)) return DENY;

    const isOwned = isEntityOwner({ claims });
    const condition = reads ? { anyOf: [isOwned, ...isPublic] } : isOwned;
    return createCatalogConditionalDecision(permission, condition);
  }
}

exports.default = createBackendModule({
  pluginId: 'permission',
  moduleId: 'example-policy',
  register(reg) {
    reg.registerInit({
      deps: { policy: policyExtensionPoint },
      async init({ policy }) {
        policy.setPolicy(new ExamplePolicy());
      },
    });
  },
});
