/** Logins with an OpenID Connect provider: code flow with PKCE, state and nonce. */
import type * as OpenIdClient from 'openid-client';
import { AuthError, ServerOffline, messageOf } from '@koji/core';
import type { Logger } from '@koji/core';
import type { OidcSettings } from '@koji/core/config';
import type { Admission } from './admission.js';

/** A started login, as stored in the browser. */
export interface Flow {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** The page of this site to show after the login. */
  readonly page: string;
  /** Start time, in milliseconds. */
  readonly at: number;
}

/** Seconds that the provider may take to answer. */
const patience = 10;
const longestName = 256;

/** The provider for logins of visitors. */
export class Oidc {
  private loaded: Promise<Provider> | null = null;

  constructor(
    readonly settings: OidcSettings,
    private readonly log: Logger,
  ) {}

  /**
   * Starts a login that ends at a page.
   *
   * @returns the provider's address, and the data to store in the browser
   * @throws ServerOffline if the provider can't be reached
   */
  async start(page: string): Promise<{ readonly address: URL; readonly flow: Flow }> {
    const { client, config } = await this.provider();
    const verifier = client.randomPKCECodeVerifier();
    const flow = { state: client.randomState(), nonce: client.randomNonce(), verifier, page, at: Date.now() };
    const address = client.buildAuthorizationUrl(config, {
      redirect_uri: this.settings.redirectUrl.href,
      scope: this.settings.scopes.join(' '),
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state: flow.state,
      nonce: flow.nonce,
    });
    return { address, flow };
  }

  /**
   * Completes a login with the provider's response.
   *
   * @param search the query of the address that the browser was sent back to
   * @throws AuthError if the provider refuses or its response can't be trusted; ServerOffline
   */
  async finish({ state, nonce, verifier }: Flow, search: string): Promise<Admission> {
    const { client, config } = await this.provider();
    try {
      const url = new URL(search, this.settings.redirectUrl);
      const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce };
      const tokens = await client.authorizationCodeGrant(config, url, { ...checks, idTokenExpected: true });
      const claims: Claims = tokens.claims() ?? {};
      const { userClaim, groupsClaim, permissions } = this.settings;
      const wanted = permissions.size > 0 ? [userClaim, groupsClaim] : [userClaim];
      const lacks = wanted.some((name) => claimOf(claims, name) === undefined);
      const more =
        lacks && config.serverMetadata().userinfo_endpoint !== undefined
          ? await client.fetchUserInfo(config, tokens.access_token, String(claims['sub']))
          : {};
      return this.admissionOf({ ...more, ...claims });
    } catch (error) {
      throw this.failureOf(client, error);
    }
  }

  /** Returns the address at which people log out of the provider; null if it has none or is unavailable. */
  async logoutAddress(): Promise<string | null> {
    try {
      const { client, config } = await this.provider();
      const { end_session_endpoint: end } = config.serverMetadata();
      return end === undefined ? null : client.buildEndSessionUrl(config).href;
    } catch (error) {
      if (error instanceof ServerOffline) return null;
      throw error;
    }
  }

  private admissionOf(claims: Claims): Admission {
    const { userClaim, groupsClaim, permissions, createsUsers, name } = this.settings;
    const user = claimOf(claims, userClaim);
    if (typeof user !== 'string' || user === '' || user.length > longestName)
      throw new AuthError(`${name} does not say who you are: it sends no ${userClaim} (OIDCUserClaim)`);
    const groups = new Set([claimOf(claims, groupsClaim) ?? []].flat());
    const perms = new Map(
      [...permissions].map(([perm, having]) => [perm, [...having].some((group) => groups.has(group))]),
    );
    return { user, create: createsUsers, perms };
  }

  private provider(): Promise<Provider> {
    this.loaded ??= this.discover().catch((error: unknown) => {
      // The provider may be available for the next visitor.
      this.loaded = null;
      this.log.warn(`could not read the login settings of ${this.settings.issuer.href}: ${messageOf(error)}`);
      throw new ServerOffline(`${this.settings.name} does not answer`, { cause: error });
    });
    return this.loaded;
  }

  private async discover(): Promise<Provider> {
    const client = await import('openid-client');
    const { issuer, clientId, clientSecret, clientAuth } = this.settings;
    const auth = clientAuth === 'basic' ? client.ClientSecretBasic : client.ClientSecretPost;
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- it is not; the mark says to use it on this machine only
    const open = issuer.protocol === 'http:' ? [client.allowInsecureRequests] : [];
    const config = await client.discovery(issuer, clientId, undefined, auth(clientSecret), {
      execute: [...open, client.enableNonRepudiationChecks],
      timeout: patience,
    });
    return { client, config };
  }

  /** Visitors are told what the provider says; what else went wrong is in the log. */
  private failureOf(client: typeof OpenIdClient, error: unknown): unknown {
    if (error instanceof AuthError) return error;
    const { name } = this.settings;
    if (error instanceof client.AuthorizationResponseError || error instanceof client.ResponseBodyError) {
      this.log.warn(`${name} refused a login: ${error.error} ${error.error_description ?? ''}`);
      return new AuthError(`${name} refused the login (${error.error.slice(0, 100)})`);
    }
    this.log.warn(`a login with ${name} failed: ${reasonsOf(error).join(': ')}`);
    return new AuthError(`the login with ${name} failed; the log of this page has the reason`);
  }
}

interface Provider {
  readonly client: typeof OpenIdClient;
  readonly config: OpenIdClient.Configuration;
}

type Claims = Readonly<Record<string, unknown>>;

/** A claim by its name, or by the names of the structs that it is in. */
function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  return name.split('.').reduce<unknown>((at, key) => {
    const isStruct = typeof at === 'object' && at !== null && Object.hasOwn(at, key);
    return isStruct ? (at as Claims)[key] : undefined;
  }, claims);
}

function reasonsOf(error: unknown): string[] {
  return error instanceof Error && error.cause instanceof Error
    ? [messageOf(error), ...reasonsOf(error.cause)]
    : [messageOf(error)];
}
