import type { CompsMethods } from '@koji/core/api';
import type { Handlers } from '../call.js';
import {
  addGroup,
  addGroupPackage,
  addGroupRequirement,
  readTagGroups,
  removeGroup,
  removeGroupPackage,
  removeGroupRequirement,
  unblockGroup,
  unblockGroupPackage,
  unblockGroupRequirement,
} from '../domain/tags/comps.js';
import type { GroupRef } from '../domain/tags/comps.js';

/** Handlers of the methods about comps groups. */
export const comps: Handlers<CompsMethods> = {
  getTagGroups: ({ tag, event, inherit, incl_pkgs, incl_reqs, incl_blocked }, call) =>
    readTagGroups(call, tag, {
      event,
      inherit,
      withPackages: incl_pkgs,
      withRequirements: incl_reqs,
      withBlocked: incl_blocked,
    }),

  async groupListAdd({ block, force, keywords, ...names }, call) {
    await addGroup(call, refOf(names), { block, force, options: keywords });
    return null;
  },

  async groupListRemove({ force, ...names }, call) {
    await removeGroup(call, refOf(names), force);
    return null;
  },

  async groupListBlock(names, call) {
    await addGroup(call, refOf(names), { block: true });
    return null;
  },

  async groupListUnblock(names, call) {
    await unblockGroup(call, refOf(names));
    return null;
  },

  async groupPackageListAdd({ pkg_name: name, block, force, keywords, ...names }, call) {
    await addGroupPackage(call, refOf(names), name, { block, force, options: keywords });
    return null;
  },

  async groupPackageListRemove({ pkg_name: name, ...names }, call) {
    await removeGroupPackage(call, refOf(names), name);
    return null;
  },

  async groupPackageListBlock({ pkg_name: name, ...names }, call) {
    await addGroupPackage(call, refOf(names), name, { block: true });
    return null;
  },

  async groupPackageListUnblock({ pkg_name: name, ...names }, call) {
    await unblockGroupPackage(call, refOf(names), name);
    return null;
  },

  async groupReqListAdd({ reqinfo, block, force, keywords, ...names }, call) {
    await addGroupRequirement(call, refOf(names), reqinfo, { block, force, options: keywords });
    return null;
  },

  async groupReqListRemove({ reqinfo, ...names }, call) {
    await removeGroupRequirement(call, refOf(names), reqinfo);
    return null;
  },

  async groupReqListBlock({ reqinfo, ...names }, call) {
    await addGroupRequirement(call, refOf(names), reqinfo, { block: true });
    return null;
  },

  async groupReqListUnblock({ reqinfo, ...names }, call) {
    await unblockGroupRequirement(call, refOf(names), reqinfo);
    return null;
  },
};

const refOf = ({ taginfo, grpinfo }: { taginfo: unknown; grpinfo: unknown }): GroupRef => ({
  tag: taginfo,
  group: grpinfo,
});
