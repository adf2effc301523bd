// Signatures of the Unity 6000.3 engine that the player uses, and nothing else of it.
using System;

namespace UnityEngine
{
    [Page("engine", "Object")]
    public class Object
    {
        [Page("engine", "Object.Destroy")]
        public static void Destroy(Object obj) { }

        [Page("engine", "Object.Instantiate")]
        public static T Instantiate<T>(T original) where T : Object => default(T);

        [Page("engine", "Object-name")]
        public string name => "";

        [Page("engine", "Object-operator_eq")]
        public static bool operator ==(Object x, Object y) => ReferenceEquals(x, y);

        [Page("engine", "Object-operator_ne")]
        public static bool operator !=(Object x, Object y) => !ReferenceEquals(x, y);

        public override bool Equals(object other) => ReferenceEquals(this, other);

        public override int GetHashCode() => 0;
    }

    [Page("engine", "Component")]
    public class Component : Object
    {
        [Page("engine", "Component-gameObject")]
        public GameObject gameObject => null;

        [Page("engine", "Component-transform")]
        public Transform transform => null;
    }

    [Page("engine", "Behaviour")]
    public class Behaviour : Component
    {
        [Page("engine", "Behaviour-enabled")]
        public bool enabled { set { } }
    }

    [Page("engine", "MonoBehaviour")]
    public class MonoBehaviour : Behaviour { }

    [Page("engine", "ScriptableObject")]
    public class ScriptableObject : Object
    {
        [Page("engine", "ScriptableObject.CreateInstance")]
        public static T CreateInstance<T>() where T : ScriptableObject => default(T);
    }

    [Page("engine", "GameObject")]
    public sealed class GameObject : Object
    {
        [Page("engine", "GameObject-ctor")]
        public GameObject(string name) { }

        [Page("engine", "GameObject-transform")]
        public Transform transform => null;

        [Page("engine", "GameObject-layer")]
        public int layer { set { } }

        [Page("engine", "GameObject.SetActive")]
        public void SetActive(bool value) { }

        [Page("engine", "GameObject.AddComponent")]
        public T AddComponent<T>() where T : Component => default(T);

        [Page("engine", "GameObject.GetComponent")]
        public T GetComponent<T>() => default(T);

        [Page("engine", "GameObject.GetComponentsInChildren")]
        public T[] GetComponentsInChildren<T>(bool includeInactive) => null;
    }

    [Page("engine", "Transform")]
    public class Transform : Component
    {
        [Page("engine", "Transform.SetParent")]
        public void SetParent(Transform parent, bool worldPositionStays) { }

        [Page("engine", "Transform.SetPositionAndRotation")]
        public void SetPositionAndRotation(Vector3 position, Quaternion rotation) { }

        [Page("engine", "Transform-rotation")]
        public Quaternion rotation { set { } }

        [Page("engine", "Transform-localScale")]
        public Vector3 localScale { set { } }
    }

    [Page("engine", "Vector2")]
    public struct Vector2
    {
        [Page("engine", "Vector2-ctor")]
        public Vector2(float x, float y) { }
    }

    [Page("engine", "Vector3")]
    public struct Vector3
    {
        [Page("engine", "Vector3-ctor")]
        public Vector3(float x, float y, float z) { }

        [Page("engine", "Vector3-one")]
        public static Vector3 one => default(Vector3);

        [Page("engine", "Vector3-operator_multiply")]
        public static Vector3 operator *(Vector3 a, float d) => a;
    }

    [Page("engine", "Quaternion")]
    public struct Quaternion
    {
        [Page("engine", "Quaternion-ctor")]
        public Quaternion(float x, float y, float z, float w) { }

        [Page("engine", "Quaternion.LookRotation")]
        public static Quaternion LookRotation(Vector3 forward) => default(Quaternion);
    }

    [Page("engine", "Matrix4x4")]
    public struct Matrix4x4
    {
        [Page("engine", "Matrix4x4.Index_operator")]
        public float this[int row, int column] { set { } }
    }

    [Page("engine", "Color")]
    public struct Color
    {
        [Page("engine", "Color-ctor")]
        public Color(float r, float g, float b, float a) { }

        [Page("engine", "Color-gamma")]
        public Color gamma => this;

        [Page("engine", "Color-clear")]
        public static Color clear => default(Color);
    }

    [Page("engine", "LayerMask")]
    public struct LayerMask
    {
        [Page("engine", "LayerMask-operator_LayerMask")]
        public static implicit operator LayerMask(int intVal) => default(LayerMask);
    }

    [Page("engine", "Camera")]
    public sealed class Camera : Behaviour
    {
        [Page("engine", "Camera-targetTexture")]
        public RenderTexture targetTexture { set { } }

        [Page("engine", "Camera-projectionMatrix")]
        public Matrix4x4 projectionMatrix { set { } }

        [Page("engine", "Camera-nearClipPlane")]
        public float nearClipPlane { set { } }

        [Page("engine", "Camera-farClipPlane")]
        public float farClipPlane { set { } }
    }

    [Page("engine", "Light")]
    public sealed class Light : Behaviour
    {
        [Page("engine", "Light-lightUnit")]
        public Rendering.LightUnit lightUnit { set { } }

        [Page("engine", "Light-intensity")]
        public float intensity { get; set; }

        [Page("engine", "Light-color")]
        public Color color { set { } }

        [Page("engine", "Light-shadows")]
        public LightShadows shadows { set { } }

        [Page("engine", "Light-useColorTemperature")]
        public bool useColorTemperature { set { } }
    }

    [Page("engine", "LightShadows")]
    public enum LightShadows { None = 0, Soft = 2 }

    [Page("engine", "LightType")]
    public enum LightType { Directional = 1 }

    [Page("engine", "Renderer")]
    public class Renderer : Component
    {
        [Page("engine", "Renderer-enabled")]
        public bool enabled { set { } }

        [Page("engine", "Renderer-sharedMaterials")]
        public Material[] sharedMaterials { get; set; }
    }

    [Page("engine", "MeshRenderer")]
    public sealed class MeshRenderer : Renderer
    {
        [Page("engine", "MeshRenderer.SetShaderUserValue")]
        public void SetShaderUserValue(uint v) { }
    }

    [Page("engine", "Shader")]
    public sealed class Shader : Object
    {
        [Page("engine", "Shader.PropertyToID")]
        public static int PropertyToID(string name) => 0;

        [Page("engine", "Shader.Find")]
        public static Shader Find(string name) => null;
    }

    [Page("engine", "Material")]
    public class Material : Object
    {
        [Page("engine", "Material-ctor")]
        public Material(Material source) { }

        [Page("engine", "Material-ctor")]
        public Material(Shader shader) { }

        [Page("engine", "Material.SetColor")]
        public void SetColor(int nameID, Color value) { }

        [Page("engine", "Material.SetColor")]
        public void SetColor(string name, Color value) { }

        [Page("engine", "Material.SetFloat")]
        public void SetFloat(int nameID, float value) { }

        [Page("engine", "Material.SetFloat")]
        public void SetFloat(string name, float value) { }

        [Page("engine", "Material.SetTexture")]
        public void SetTexture(int nameID, Texture value) { }

        [Page("engine", "Material.SetTextureScale")]
        public void SetTextureScale(int nameID, Vector2 value) { }

        [Page("engine", "Material.SetTextureOffset")]
        public void SetTextureOffset(int nameID, Vector2 value) { }
    }

    [Page("engine", "Texture")]
    public class Texture : Object
    {
        [Page("engine", "Texture-width")]
        public virtual int width => 0;

        [Page("engine", "Texture-height")]
        public virtual int height => 0;

        [Page("engine", "Texture-wrapMode")]
        public TextureWrapMode wrapMode { set { } }

        [Page("engine", "Texture-filterMode")]
        public FilterMode filterMode { set { } }

        [Page("engine", "Texture-anisoLevel")]
        public int anisoLevel { set { } }
    }

    [Page("engine", "TextureWrapMode")]
    public enum TextureWrapMode { Repeat = 0 }

    [Page("engine", "FilterMode")]
    public enum FilterMode { Trilinear = 2 }

    [Page("engine", "TextureFormat")]
    public enum TextureFormat { RGBA32 = 4, RGBAFloat = 20 }

    [Page("engine", "CubemapFace")]
    public enum CubemapFace { Unknown = -1 }

    [Page("engine", "Texture2D")]
    public sealed class Texture2D : Texture
    {
        [Page("engine", "Texture2D-ctor")]
        public Texture2D(int width, int height, TextureFormat textureFormat, bool mipChain, bool linear) { }
    }

    [Page("engine", "ImageConversion")]
    public static class ImageConversion
    {
        [Page("engine", "ImageConversion.LoadImage")]
        public static bool LoadImage(this Texture2D tex, byte[] data, bool markNonReadable) => false;
    }

    [Page("engine", "Cubemap")]
    public sealed class Cubemap : Texture
    {
        [Page("engine", "Cubemap-ctor")]
        public Cubemap(int width, TextureFormat textureFormat, bool mipChain) { }

        [Page("engine", "Cubemap.SetPixelData")]
        public void SetPixelData<T>(T[] data, int mipLevel, CubemapFace face, int sourceDataStartIndex = 0) { }

        [Page("engine", "Cubemap.Apply")]
        public void Apply(bool updateMipmaps, bool makeNoLongerReadable) { }
    }

    [Page("engine", "RenderTexture")]
    public class RenderTexture : Texture
    {
        [Page("engine", "RenderTexture-ctor")]
        public RenderTexture(
            int width, int height, Experimental.Rendering.GraphicsFormat colorFormat,
            Experimental.Rendering.GraphicsFormat depthStencilFormat) { }

        [Page("engine", "RenderTexture-ctor")]
        public RenderTexture(RenderTextureDescriptor desc) { }

        [Page("engine", "RenderTexture.Create")]
        public bool Create() => true;

        [Page("engine", "RenderTexture.Release")]
        public void Release() { }
    }

    [Page("engine", "RenderTextureDescriptor")]
    public struct RenderTextureDescriptor
    {
        [Page("engine", "RenderTextureDescriptor-ctor")]
        public RenderTextureDescriptor(
            int width, int height, Experimental.Rendering.GraphicsFormat colorFormat,
            Experimental.Rendering.GraphicsFormat depthStencilFormat) { }

        [Page("engine", "RenderTextureDescriptor-dimension")]
        public Rendering.TextureDimension dimension { set { } }

        [Page("engine", "RenderTextureDescriptor-volumeDepth")]
        public int volumeDepth { set { } }
    }

    [Page("engine", "AssetBundle")]
    public class AssetBundle : Object
    {
        [Page("engine", "AssetBundle.LoadFromFile")]
        public static AssetBundle LoadFromFile(string path) => null;

        [Page("engine", "AssetBundle.Contains")]
        public bool Contains(string name) => false;

        [Page("engine", "AssetBundle.LoadAsset")]
        public T LoadAsset<T>(string name) where T : Object => default(T);
    }

    [Page("engine", "Application")]
    public static class Application
    {
        [Page("engine", "Application-version")]
        public static string version => "";

        [Page("engine", "Application-unityVersion")]
        public static string unityVersion => "";

        [Page("engine", "Application-runInBackground")]
        public static bool runInBackground { set { } }

        [Page("engine", "Application-targetFrameRate")]
        public static int targetFrameRate { set { } }

        [Page("engine", "Application-quitting")]
        public static event Action quitting { add { } remove { } }

        [Page("engine", "Application.Quit")]
        public static void Quit(int exitCode) { }
    }

    [Page("engine", "SystemInfo")]
    public static class SystemInfo
    {
        [Page("engine", "SystemInfo-maxTextureSize")]
        public static int maxTextureSize => 0;

        [Page("engine", "SystemInfo-graphicsDeviceName")]
        public static string graphicsDeviceName => "";

        [Page("engine", "SystemInfo-graphicsDeviceType")]
        public static Rendering.GraphicsDeviceType graphicsDeviceType => default(Rendering.GraphicsDeviceType);
    }

    [Page("engine", "QualitySettings")]
    public static class QualitySettings
    {
        [Page("engine", "QualitySettings-vSyncCount")]
        public static int vSyncCount { set { } }
    }

    [Page("engine", "Time")]
    public static class Time
    {
        [Page("engine", "Time-captureDeltaTime")]
        public static float captureDeltaTime { set { } }
    }

    [Page("engine", "Physics")]
    public static class Physics
    {
        [Page("engine", "Physics-simulationMode")]
        public static SimulationMode simulationMode { set { } }
    }

    [Page("engine", "SimulationMode")]
    public enum SimulationMode { Script = 2 }

    [Page("engine", "Debug")]
    public static class Debug
    {
        [Page("engine", "Debug.Log")]
        public static void Log(object message) { }

        [Page("engine", "Debug.LogException")]
        public static void LogException(Exception exception) { }
    }
}

namespace UnityEngine.SceneManagement
{
    [Page("engine", "SceneManagement.Scene")]
    public struct Scene { }
}

namespace UnityEngine.Experimental.Rendering
{
    [Page("engine", "Experimental.Rendering.GraphicsFormat")]
    public enum GraphicsFormat
    {
        None = 0,
        R8_UNorm = 5,
        R32_UInt = 33,
        R16G16B16A16_SFloat = 48,
        R32_SFloat = 49,
        R32G32B32A32_SFloat = 52,
        D32_SFloat = 93,
    }
}

namespace Unity.Collections
{
    [Page("engine", "Unity.Collections.NativeArray_1")]
    public struct NativeArray<T> where T : struct
    {
        [Page("engine", "Unity.Collections.NativeArray_1.ToArray")]
        public T[] ToArray() => null;
    }
}
