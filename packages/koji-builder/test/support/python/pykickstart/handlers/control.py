"""What commands have as data."""


class Repo:
    """A repo."""

    def __init__(self, name, baseurl, noverifyssl=False):
        self.line = "repo --name=%s --baseurl=%s%s" % (name, baseurl, " --noverifyssl" if noverifyssl else "")


dataMap = {version: {"RepoData": Repo} for version in ("DEVEL", "F40")}
